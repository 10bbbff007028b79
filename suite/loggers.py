"""Loggers of other libraries that say what concerns no user of the command line."""

from __future__ import annotations

import logging


def quiet_torchao() -> None:
    """Have torchao be silent below errors: transformers imports it, and it warns of kernels that do not fit here."""
    for chatty in ("torchao", "torch.utils._pytree"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
