"""What a model feeds to its head, and how its logits come from that.

Most classes apply their head and nothing else. Some scale what it gives (Cohere, Granite), or cap it softly (Gemma 2);
their configurations say so. Whether that is all is tried once with every model, against the class's own forward pass.
Where it is not, the class itself is run for both: what its head is fed is caught, and its logits are what it makes of
what its head is fed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from suite.errors import ExperimentError
from suite.models.families import ARCHITECTURES

TRIED = 8  # tokens
Body = Callable[[Tensor], Tensor]  # token ids, int64 [windows, context] -> last hidden states [windows, context, width]
ROUNDINGS = 4  # of the dtype, by which two ways to compute the same logits may differ


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done to a head's products, element by element: times `scale`, over `divisor`, softly capped at `cap`."""

    scale: float | None = None
    divisor: float | None = None
    cap: float | None = None

    @property
    def plain(self) -> bool:
        """Whether nothing is done."""
        return self == Rule()

    def __call__(self, products: Tensor) -> Tensor:
        """The logits, in the place of the products."""
        if self.scale is not None:
            products.mul_(self.scale)
        if self.divisor is not None:
            products.div_(self.divisor)
        if self.cap is not None:
            products.div_(self.cap).tanh_().mul_(self.cap)
        return products


class OwnLogits:
    """The logits that a model's class computes from hidden states, whatever it does to what its head gives.

    The class is called with any tokens, and its head is fed the hidden states: its body runs for nothing.

    Args:
        head: its own, or one in the place of it.
    """

    def __init__(self, model: PreTrainedModel, head: nn.Module) -> None:
        self._model, self._head = model, head

    def __call__(self, hidden: Tensor) -> Tensor:
        """Hidden states [positions, width] to logits [positions, vocabulary]."""
        tokens = torch.zeros(len(hidden), 1, dtype=torch.int64, device=self._model.device)
        hook = self._head.register_forward_pre_hook(lambda *_: (hidden[:, None],))
        try:
            with _headed(self._model, self._head):
                logits: Tensor = self._model(tokens, use_cache=False).logits
        finally:
            hook.remove()
        return logits[:, 0]


def body_of(model: PreTrainedModel) -> Body:
    """All of a model before its head."""
    if rule_of(model) is not None:
        return lambda tokens: model.base_model(tokens, use_cache=False).last_hidden_state

    def body(tokens: Tensor) -> Tensor:
        hook = model.get_output_embeddings().register_forward_pre_hook(_stop)
        try:
            model(tokens, use_cache=False)
        except _FedError as reached:
            return reached.hidden
        finally:
            hook.remove()
        raise ExperimentError(f"{type(model).__name__} does not call its head, so what it is fed is not known")

    return body


def _stop(_: nn.Module, args: tuple[Tensor, ...]) -> None:
    raise _FedError(args[0])


class _FedError(Exception):
    """The head was reached."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.hidden = hidden


def rule_of(model: PreTrainedModel) -> Rule | None:
    """What a model's class does to its head's products; None where it does more than can be told."""
    if model not in _RULES:
        _RULES[model] = _tried(model)
    return _RULES[model]


_RULES: WeakKeyDictionary[PreTrainedModel, Rule | None] = WeakKeyDictionary()


def _tried(model: PreTrainedModel) -> Rule | None:
    said = Rule(
        scale=_number(model, "logit_scale"),
        divisor=_number(model, "logits_scaling"),
        cap=_number(model, "final_logit_softcapping"),
    )
    if said.plain and model.config.model_type in ARCHITECTURES:
        return said
    with torch.inference_mode():
        tokens = torch.arange(TRIED, device=model.device)[None] % model.config.vocab_size
        own = model(tokens, use_cache=False).logits.float()
        hidden = model.base_model(tokens, use_cache=False).last_hidden_state
        head = model.get_output_embeddings()
        for rule in (said, Rule()):
            if _same(rule(head(hidden)).float(), own, torch.finfo(hidden.dtype).eps):
                return rule
    return None


def _number(model: PreTrainedModel, key: str) -> float | None:
    """A number of a model's configuration that changes what it is applied to."""
    found = getattr(model.config, key, None)
    return float(found) if type(found) in (int, float) and found else None


def _same(one: Tensor, other: Tensor, rounding: float) -> bool:
    """Whether logits are the same but for rounding; what is not finite says nothing against it."""
    there = one.isfinite() & other.isfinite()
    largest = other[there].abs().amax() if there.any() else other.new_zeros(())
    return bool(((one - other)[there].abs() <= ROUNDINGS * rounding * largest).all())


@contextmanager
def _headed(model: PreTrainedModel, head: nn.Module) -> Iterator[None]:
    own = model.get_output_embeddings()
    if own is not head:
        model.set_output_embeddings(head)
    try:
        yield
    finally:
        if own is not head:
            model.set_output_embeddings(own)
