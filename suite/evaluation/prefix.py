"""The dense model's first blocks are not run again for an experiment that leaves them as they are.

An experiment that prunes nothing before a block computes, up to that block, what the dense model does, to the bit. What
goes into one block is kept of every window, on the host (tokens x width, in the dtype of the run: as much as the dense
model's final hidden states), and the next experiment that differs from there on, or later, starts there. The dense
model's own pass keeps what is needed first. Where a study prunes one layer after another, half of all blocks need not
run.

Whether a model gives the same bits when it starts there is tried with a batch, but for the declared families, which do.
Where it does not, nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from suite.models.families import ARCHITECTURES
from suite.models.logits import Body, body_of
from suite.models.passing import hidden_of, passed
from suite.models.unchanged import first_run


class DensePrefix:
    """What goes into one block of the dense model, of every batch of a text; nothing at first.

    The model, the text and the size of its batches are the same from one experiment to the next.
    """

    def __init__(self) -> None:
        self.block = 0  # that the states go into; 0 where none are kept
        self._states: list[Tensor] = []  # [windows, context, width] of each batch
        self._in_tuple = False  # whether blocks give more than hidden states
        self._sure: bool | None = None  # whether starting there gives the same bits; None before it was tried

    @contextmanager
    def body(self, model: PreTrainedModel, blocks: nn.ModuleList, unchanged: int) -> Iterator[Body]:
        """The body of a model whose first `unchanged` blocks are the dense model's.

        It is called once with every batch of the text, in order; what goes into the first block that may differ is then
        known, and kept once all went well.
        """
        start = first_run(self.block, unchanged)
        if unchanged == start == 0 or self._sure is False:
            yield body_of(model)
            return
        if self._sure is None and model.config.model_type in ARCHITECTURES:
            self._sure = True
        done, inside = 0, False  # batches; and whether one of them is running

        def body(inputs: Tensor) -> Tensor:
            nonlocal done, inside
            inside = True
            if start and self._sure is None:
                hidden = self._tried(model, blocks, start, inputs)
            elif start and self._sure:
                with passed(blocks, start, lambda: self._states[done], self._in_tuple):
                    hidden = body_of(model)(inputs)
            else:
                hidden = body_of(model)(inputs)
            done, inside = done + 1, False
            return hidden

        def keep(_: nn.Module, __: Any, output: Any) -> None:
            if inside:
                self._in_tuple = isinstance(output, tuple)
                self._keep(done, hidden_of(output))

        hook = None
        if unchanged > start:
            self.block = 0  # until every batch has come by
            hook = blocks[unchanged - 1].register_forward_hook(keep)
        try:
            yield body
            self.block = unchanged
        finally:
            if hook:
                hook.remove()

    def _tried(self, model: PreTrainedModel, blocks: nn.ModuleList, start: int, inputs: Tensor) -> Tensor:
        """The last hidden states of the first batch, of a whole run; whether starting later gives the same is noted."""
        kept = self._states[0].clone()  # a hook of the whole run may write what goes into a later block there
        whole = body_of(model)(inputs)
        try:
            with passed(blocks, start, lambda: kept, self._in_tuple):
                self._sure = torch.equal(body_of(model)(inputs), whole)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, LookupError, AttributeError, TypeError):  # later blocks ask for more than hidden states
            self._sure = False
        return whole

    def _keep(self, batch: int, hidden: Tensor) -> None:
        if batch == len(self._states):
            # To memory that is pinned a GPU copies beside its work; copying them back comes after, in its own order.
            self._states.append(torch.empty(hidden.shape, dtype=hidden.dtype, pin_memory=hidden.is_cuda))
        self._states[batch].copy_(hidden, non_blocking=True)
