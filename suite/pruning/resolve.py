"""The functions of a criterion. Those of a plug-in are held to what they are to return; tests hold the suite's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from suite.errors import ExperimentError, InputError, first_line
from suite.pruning.criteria import CRITERIA, Criterion
from suite.pruning.keys import INTEGER

KEYS = (torch.int16, torch.int32)
PASSED_ON = (ExperimentError, InputError, MemoryError, torch.OutOfMemoryError)  # they say what they mean


def function_of(criterion: str) -> Callable[..., Any]:
    """The function of a criterion.

    Raises:
        ExperimentError: a plug-in's cannot be imported. Calling it raises that too, where it fails, or returns another
            shape or dtype than `Criterion` says; the message names the plug-in's distribution.
    """
    made, who = CRITERIA[criterion], _plugin(criterion)
    if who is None:
        return made.resolve()
    with _blamed(f"{who}: {made.function}"):
        function = made.resolve()

    def checked(first: Any, *others: Any, **options: Any) -> Any:
        with _blamed(f"{who}: {made.function}"):
            returned = function(first, *others, **options)
        shape, device = (first.shape, first.device) if isinstance(first, Tensor) else (first, None)
        fault = _scores(returned, shape, device) if made.decides == "after" else _choice(returned, shape, made)
        if fault:
            raise ExperimentError(f"{who}: {made.function} is to return {fault}")
        return returned

    return checked


def prepare_of(criterion: str) -> Callable[..., Any] | None:
    """The function `prepare` of a criterion, None where it has none. Raises: as `function_of`."""
    made, who = CRITERIA[criterion], _plugin(criterion)
    if who is None or made.prepare is None:
        return made.resolve_prepare()
    with _blamed(f"{who}: {made.prepare}"):
        function = made.resolve_prepare()
        assert function is not None

    def blamed(*arguments: Any) -> Any:
        with _blamed(f"{who}: {made.prepare}"):
            return function(*arguments)

    return blamed


def _plugin(criterion: str) -> str | None:
    origin = CRITERIA.origin(criterion)
    return None if origin is None else f"criterion {criterion!r} of plug-in {origin}"


@contextmanager
def _blamed(who: str) -> Iterator[None]:
    try:
        yield
    except PASSED_ON:
        raise
    except Exception as error:  # another's code: whatever it raises is the experiment's failure
        raise ExperimentError(f"{who} fails with {type(error).__name__}: {first_line(error)}") from error


def _scores(found: object, shape: torch.Size, device: torch.device | None) -> str | None:
    """What scores are to be, and what is found; None where that is the same. What is drawn may lie on any device."""
    wanted = f"scores {list(shape)}, of a float dtype of up to 32 bits, int16 or int32"
    if not isinstance(found, Tensor):
        return f"{wanted}, and found a {type(found).__name__}"
    if found.shape != shape or found.dtype not in (*INTEGER, *KEYS):
        return f"{wanted}, and found {_tensor(found)}"
    if device is not None and found.device != device:
        return f"scores on {device}, where the weight is, and found them on {found.device}"
    return None


def _choice(found: object, shape: torch.Size, made: Criterion) -> str | None:
    """The same of a criterion that chooses by itself, whose function returns what goes and corrected weights."""
    wanted = f"(what goes: bool {list(shape)}, corrected weights: float32 {list(shape)} or None, counts)"
    if not isinstance(found, tuple) or not 2 <= len(found) <= 3:
        size = f" of {len(found)}" if isinstance(found, tuple) else ""
        return f"{wanted}, and found a {type(found).__name__}{size}"
    removed, corrected, *counts = found
    if not isinstance(removed, Tensor) or removed.shape != shape or removed.dtype != torch.bool:
        return f"{wanted}, and found {_tensor(removed)} for what goes"
    right = isinstance(corrected, Tensor) and corrected.shape == shape and corrected.dtype == torch.float32
    if not (right or (corrected is None and made.decides == "matrix")):
        return f"{wanted}, and found {_tensor(corrected)} for the corrected weights"
    if counts and not isinstance(counts[0], Mapping):
        return f"{wanted}, and found {_tensor(counts[0])} for the counts"
    return None


def _tensor(found: object) -> str:
    """`float32 [8, 16]`, or the type of what is none."""
    if isinstance(found, Tensor):
        return f"{str(found.dtype).removeprefix('torch.')} {list(found.shape)}"
    return f"a {type(found).__name__}"
