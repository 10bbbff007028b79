"""The runner: a plan to records, one model in memory, one experiment at a time."""
