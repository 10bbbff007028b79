"""Recovery: fine-tune a pruned model with its mask held."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.data.windows import begun_with
from suite.errors import ExperimentError
from suite.evaluation.retained_malloc import retained_malloc
from suite.interruption import stop_if_asked
from suite.models.loading import LoadedModel
from suite.protocol import RECOVERY_GRADIENT_NORM, TOKENS_A_BATCH
from suite.pruning.masks import Bits, mask_digest, packed, survives
from suite.records.experiment import Recovery
from suite.records.schema import Along, Recovered
from suite.training.schedule import Schedule


@contextmanager
def recovered(
    loaded: LoadedModel,
    masks: Mapping[str, Bits],
    asked: Recovery,
    ids: Sequence[int],
    perplexity: Callable[[], float],
    progress: Callable[[int, int], None],
    bos: int | None = None,
) -> Iterator[Recovered]:
    """Fine-tune the model in place, and put every parameter back on leaving, whatever happens inside.

    All parameters learn, in float32 and without dropout, by AdamW (PyTorch's defaults, no weight decay) on the mean
    loss of the predicted tokens, gradients clipped to a norm of 1. A removed weight's gradient is made zero before it
    is clipped, so neither of AdamW's moments ever has anything of it to move it by; that it stayed zero is checked
    after every step. The same seed gives the same model to the bit on one machine with as many threads; on a GPU only
    nearly, for the backward pass adds in any order.

    It needs 17 bytes a weight and the activations of some 2048 tokens (`suite.training.schedule.training_bytes`), and
    a copy of the model on the host.

    Args:
        loaded: the model, pruned.
        masks: the packed mask of each pruned tensor; empty where nothing is held.
        asked: how long, how fast, and from which seed.
        ids: the tokens of the text to learn from, at least a window.
        perplexity: of the evaluation text, of the model as it is. It is asked at the start, and after about an eighth,
            a quarter, half and all of the steps: first and last in the dtype that is measured in, else in float32.
        progress: told the tokens seen, and how many there will be.
        bos: the token that every window begins with, where one is put there.

    Raises:
        ExperimentError: the loss is no number any more.
        RuntimeError: a bug: a removed weight came back.
    """
    before = [(parameter, parameter.detach().to("cpu", copy=True)) for parameter in loaded.model.parameters()]
    try:
        yield _FineTuning(loaded, masks, asked, ids, bos).run(perplexity, progress)
    finally:
        for parameter, value in before:
            _learning(parameter, False)
            parameter.data = value.to(parameter.device)


class _FineTuning:
    def __init__(
        self,
        loaded: LoadedModel,
        masks: Mapping[str, Bits],
        asked: Recovery,
        ids: Sequence[int],
        bos: int | None = None,
    ) -> None:
        self.loaded, self.bos = loaded, bos
        self.model = loaded.model
        self.schedule = Schedule(asked)
        self.stream = torch.tensor(ids, dtype=torch.int64)
        self.removed = {name: _removed(mask, loaded.parameter(name)) for name, mask in masks.items()}

    @retained_malloc()
    def run(self, perplexity: Callable[[], float], progress: Callable[[int, int], None]) -> Recovered:
        schedule, losses, seconds = self.schedule, [], 0.0
        course = [Along(tokens=0, loss=None, perplexity=perplexity())]
        parameters = list(self.model.parameters())  # a tied one is there once
        for parameter in parameters:
            parameter.data = parameter.data.float()
            _learning(parameter, True)
        optimizer = torch.optim.AdamW(parameters, weight_decay=0.0, fused=True)
        for step in range(schedule.steps):
            stop_if_asked()
            clock = time.perf_counter()
            losses.append(self._step(step, optimizer))
            self._check()
            seconds += time.perf_counter() - clock
            seen = (step + 1) * schedule.tokens_a_step
            progress(seen, schedule.tokens)
            if step + 1 == schedule.steps:
                del optimizer
                for parameter in parameters:
                    _learning(parameter, False)
                    parameter.data = parameter.data.to(self.loaded.dtype)
            if step + 1 in schedule.evaluated:
                course.append(Along(tokens=seen, loss=math.fsum(losses) / len(losses), perplexity=perplexity()))
                losses.clear()
        return Recovered(
            tokens=schedule.tokens,
            steps=schedule.steps,
            course=tuple(course),
            mask_digest=mask_digest(dict(self._zeros())),
            seconds=seconds,
        )

    def batch(self, step: int) -> Tensor:
        """The windows of a step, int64 [batch, context]."""
        taken = self.schedule.asked.context - (self.bos is not None)
        places = self.schedule.places(step, len(self.stream))
        return begun_with(self.bos, torch.stack([self.stream[p : p + taken] for p in places]))

    def _step(self, step: int, optimizer: torch.optim.Optimizer) -> float:
        """Learn from one batch; its mean loss before that, nats a predicted token."""
        windows = self.batch(step)
        predicted = windows[:, 1:].numel()
        total = 0.0
        for some in windows.split(max(1, TOKENS_A_BATCH // windows.shape[1])):
            inputs = some.to(self.loaded.device)
            logits = self.model(inputs[:, :-1], use_cache=False).logits.flatten(0, 1)
            # What is learnt from, in float32 as it is usual; what the model is measured by is `perplexity` alone.
            loss = functional.cross_entropy(logits, inputs[:, 1:].flatten().to(logits.device), reduction="sum")
            (loss / predicted).backward()
            total += loss.item()
        if not math.isfinite(total):
            raise ExperimentError(
                f"the training loss is no number any more in step {step + 1} of {self.schedule.steps}; "
                "a smaller `learning_rate` may help"
            )
        self._hold()
        nn.utils.clip_grad_norm_(self.model.parameters(), RECOVERY_GRADIENT_NORM)
        for group in optimizer.param_groups:
            group["lr"] = self.schedule.rate(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total / predicted

    def _hold(self) -> None:
        """Leave the removed weights without a gradient."""
        for name, removed in self.removed.items():
            if (gradient := self.loaded.parameter(name).grad) is not None:
                gradient.masked_fill_(removed, 0)

    def _check(self) -> None:
        for name, removed in self.removed.items():
            if bool((self.loaded.parameter(name) != 0).logical_and_(removed).any()):
                raise RuntimeError(f"a bug: a removed weight of {name} came back while the model was fine-tuned")

    def _zeros(self) -> Iterator[tuple[str, Bits]]:
        """The packed mask of each tensor as its weights show it: what was removed and is zero."""
        for name, removed in self.removed.items():
            yield name, packed(removed & (self.loaded.parameter(name).detach() == 0))


def _removed(mask: Bits, parameter: nn.Parameter) -> Tensor:
    """Bool, shaped as the parameter and beside it: True = removed."""
    return (
        torch.from_numpy(np.logical_not(survives(mask, parameter.numel()))).view(parameter.shape).to(parameter.device)
    )


def _learning(parameter: nn.Parameter, learns: bool) -> None:
    parameter.grad = None
    parameter.requires_grad_(learns)
