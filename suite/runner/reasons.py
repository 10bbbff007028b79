"""Why an experiment failed, and when it was."""

from __future__ import annotations

from datetime import UTC, datetime

import torch

from suite.errors import ExperimentError, InputError, sentence

FAILURES = (ExperimentError, RuntimeError, ValueError, ArithmeticError, MemoryError)  # of an experiment, by any library


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def reason(error: BaseException) -> str:
    """Why an experiment failed, in one sentence."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "out of memory: take a GPU with more, a shorter context, or a smaller model"
    text = sentence(str(error), 500)
    return text if isinstance(error, InputError | ExperimentError) else f"{type(error).__name__}: {text}"
