"""The suite as a library, for a notebook or another program; `suite` exports what is here under the same names."""

from suite.loggers import quiet_torchao

quiet_torchao()
