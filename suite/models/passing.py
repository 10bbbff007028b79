"""Blocks of a model that need not run: others stand in their places and pass on what would come out of the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


def hidden_of(output: Any) -> Tensor:
    """The hidden states among what a block gives."""
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


@contextmanager
def passed(blocks: nn.ModuleList, count: int, give: Callable[[], Tensor], in_tuple: bool) -> Iterator[None]:
    """Have none of the first `count` blocks run while inside; what they would make is given instead.

    The model is called as ever, so that masks, positions and whatever else its blocks are told are its own doing.

    Args:
        in_tuple: the blocks give tuples, of which the hidden states are the first.
    """
    whole = list(blocks)[:count]
    try:
        for index, block in enumerate(whole):
            blocks[index] = _Passed(block, give if index == count - 1 else None, in_tuple)
        yield
    finally:
        for index, block in enumerate(whole):
            blocks[index] = block


class _Passed(nn.Module):
    """Stands where a block need not run; whatever else the model asks of the block, the block answers."""

    def __init__(self, block: nn.Module, give: Callable[[], Tensor] | None, in_tuple: bool) -> None:
        super().__init__()
        self.__dict__.update(block=block, give=give, in_tuple=in_tuple)  # the block is not a module of this one

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["block"], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        hidden = args[0] if args else kwargs["hidden_states"]
        made = hidden if self.give is None else self.give().to(hidden.device, non_blocking=True)
        return (made, None) if self.in_tuple else made
