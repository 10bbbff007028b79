"""The runner: a plan to records, one model at a time; trainings side by side."""

from suite.loggers import quiet_torchao

quiet_torchao()  # in the processes of trainings too, which import this package and not the command line
