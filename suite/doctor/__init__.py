"""Whether this machine can run studies: findings, each with its cure. Pure functions on what was seen.

`gpu` looks at GPU, driver and torch, `fit` at memory and dtype, `disk` at the hub and the disks, `about` at the rest.
"""

from suite.doctor.finding import Finding, State, fail, ok, warn

__all__ = ["Finding", "State", "fail", "ok", "warn"]
