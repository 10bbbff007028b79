"""The runner: a plan to records, one model at a time; trainings side by side."""
