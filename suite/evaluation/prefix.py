"""The dense model's first blocks are not run again for an experiment that leaves them as they are.

An experiment that prunes nothing before a block computes, up to that block, what the dense model does, to the bit. What
goes into one block is kept of every window, on the host (tokens x width, in the dtype of the run: as much as the dense
model's final hidden states), and the next experiment that differs from there on, or later, starts there. The dense
model's own pass keeps what is needed first. Where a study prunes one layer after another, half of all blocks need not
run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from suite.models.unchanged import first_run

Body = Callable[[Tensor], Tensor]  # token ids, int64 [windows, context] -> last hidden states [windows, context, width]


def whole_body(model: PreTrainedModel) -> Body:
    """All of a model before its head."""
    return lambda inputs: model.base_model(inputs, use_cache=False).last_hidden_state


class DensePrefix:
    """What goes into one block of the dense model, of every batch of a text; nothing at first.

    The model, the text and the size of its batches are the same from one experiment to the next.
    """

    def __init__(self) -> None:
        self.block = 0  # that the states go into; 0 where none are kept
        self._states: list[Tensor] = []  # [windows, context, width] of each batch

    @contextmanager
    def body(self, model: PreTrainedModel, unchanged: int, final_norm: str) -> Iterator[Body]:
        """The body of a model whose first `unchanged` blocks are the dense model's.

        It is called once with every batch of the text, in order; what goes into the first block that may differ is then
        known, and kept once all went well.

        Args:
            final_norm: the module after the blocks, by name.
        """
        start = first_run(self.block, unchanged)
        if unchanged == start == 0:
            yield whole_body(model)
            return
        base = cast(Any, model.base_model)
        blocks: nn.ModuleList = base.layers
        done = 0  # batches

        def body(inputs: Tensor) -> Tensor:
            nonlocal done
            if start:
                states = self._states[done].to(inputs.device, non_blocking=True)
                hidden: Tensor = base(inputs_embeds=states, use_cache=False).last_hidden_state
            else:
                hidden = whole_body(model)(inputs)
            done += 1
            return hidden

        def keep(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._keep(done, args[0] if args else kwargs["hidden_states"])

        hook = None
        if unchanged > start:
            self.block = 0  # until every batch has come by
            reached = [*blocks, model.get_submodule(final_norm)][unchanged]
            hook = reached.register_forward_pre_hook(keep, with_kwargs=True)
        base.layers = nn.ModuleList([*(_Passed() for _ in range(start)), *blocks[start:]])
        try:
            yield body
            self.block = unchanged
        finally:
            base.layers = blocks
            if hook:
                hook.remove()

    def _keep(self, batch: int, hidden: Tensor) -> None:
        if batch == len(self._states):
            # To memory that is pinned a GPU copies beside its work; copying them back comes after, in its own order.
            self._states.append(torch.empty(hidden.shape, dtype=hidden.dtype, pin_memory=hidden.is_cuda))
        self._states[batch].copy_(hidden, non_blocking=True)


class _Passed(nn.Module):
    """Stands where a block need not run: what is passed in has been through it."""

    def forward(self, hidden_states: Tensor, **_: Any) -> Tensor:
        return hidden_states
