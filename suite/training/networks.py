"""Networks of one architecture trained side by side, each from its own start, under its own mask, on its own batches.

On a processor a network alone is a plain computation; several, as on a GPU, are one over stacked parameters
(`torch.func.vmap`). AdamW works element by element, so that the networks do not see each other; gradients are clipped
for each by itself. Forward and backward are traced once into a flat graph of tensor operations: at a network's size of
some 50,000 parameters, walking through transformers' modules would take a good part of a step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from suite.evaluation.softmax import TargetLosses
from suite.protocol import TICKET_BETAS, TICKET_GRADIENT_NORM, TICKET_WEIGHT_DECAY
from suite.pruning.iterative import Mask

State = dict[str, Tensor]  # a network's parameters by name, float32

EXAM_TOKENS = 8192  # of held-out windows, forwards at once


def initial(config: Mapping[str, Any], seed: int) -> State:
    """A network's initial values, on the CPU: they follow from the configuration and the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network(config)
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def network(config: Mapping[str, Any], attention: str = "eager") -> PreTrainedModel:
    """A network of a transformers configuration in float32, with values drawn from torch's generator."""
    fields = {key: value for key, value in config.items() if key != "model_type"}
    fields |= dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    known = AutoConfig.for_model(config["model_type"], **fields)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(known, dtype=torch.float32, attn_implementation=attention)
    return cast(PreTrainedModel, model.eval())  # nothing is dropped out


class Networks:
    """Several networks on their way.

    Args:
        config: a transformers configuration's fields.
        starts: the values each begins with.
        device: where they are trained.
        attention: transformers' name of the implementation; `eager` can be batched over networks.
    """

    def __init__(
        self, config: Mapping[str, Any], starts: Sequence[State], device: torch.device, attention: str = "eager"
    ) -> None:
        self.losses = Losses.of(json.dumps(dict(config), sort_keys=True), attention, device)
        self.device = device
        self.count = len(starts)
        self.masks: State = {}
        self.parameters = {name: torch.stack([start[name] for start in starts]).to(device) for name in starts[0]}
        matrices = [value for value in self.parameters.values() if value.ndim == 3]
        others = [value for value in self.parameters.values() if value.ndim != 3]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": TICKET_WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}],
            lr=0.0,
            betas=TICKET_BETAS,
            fused=True,
        )

    def mask(self, masks: Sequence[Mask]) -> None:
        """Hold the removed weights at zero from now on: they, and what the optimiser remembers of them, become it."""
        self.masks = {name: torch.stack([mask[name] for mask in masks]).to(self.device) for name in masks[0]}
        for name, mask in self.masks.items():
            self.parameters[name].mul_(mask)
            for remembered in ("exp_avg", "exp_avg_sq"):
                if self.parameters[name] in self.optimizer.state:
                    self.optimizer.state[self.parameters[name]][remembered].mul_(mask)

    def step(self, windows: Tensor, weights: Tensor, rate: float) -> Tensor:
        """Learn from a batch each.

        Args:
            windows: int64 [networks, batch, context].
            weights: what the loss of each predicted token counts, float32 [networks, batch, context - 1].
            rate: the learning rate.

        Returns:
            The mean loss of each before the step, unweighted, nats a predicted token, [networks].
        """
        values = self.parameters
        if self.count == 1:
            values, windows, weights = {name: value[0] for name, value in values.items()}, windows[0], weights[0]
        learn = self.losses.learner(self.count, windows.shape[-2], windows.shape[-1])
        with torch.no_grad():
            gradients, (_, losses) = learn(values, windows, weights)
            if self.count == 1:
                gradients, losses = {name: value[None] for name, value in gradients.items()}, losses[None]
            for name, mask in self.masks.items():
                gradients[name].mul_(mask)
            norms = torch.stack([torch.linalg.vector_norm(one.flatten(1), dim=1) for one in gradients.values()])
            factors = (TICKET_GRADIENT_NORM / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp_(max=1.0)
            for name, value in self.parameters.items():
                value.grad = gradients[name].mul_(factors.view(-1, *[1] * (value.ndim - 1)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return losses

    def state(self, index: int) -> State:
        """The values of one network now, on the CPU."""
        return {name: value[index].detach().to("cpu", copy=True) for name, value in self.parameters.items()}

    def held(self) -> bool:
        """Whether every weight that a mask removed is zero."""
        return not any(bool((self.parameters[name] * ~mask).any()) for name, mask in self.masks.items())

    def held_out(self, windows: Tensor, state: State | None = None, index: int = 0) -> float:
        """The mean loss of held-out windows, int64 [windows, context], in nats a predicted token: of given values, or
        of one of the networks as it is."""
        values = {name: value[index] for name, value in self.parameters.items()}
        if state is not None:
            values = {name: value.to(self.device) for name, value in state.items()}
        total = 0.0
        with torch.no_grad():
            for some in windows.split(max(1, EXAM_TOKENS // windows.shape[1])):
                logits = self.losses.logits(values, some.to(self.device)).flatten(0, 1)
                losses = TargetLosses(some[:, 1:].flatten().to(self.device))
                losses.add(logits)
                total += float(losses.nats().sum())
        return total / windows[:, 1:].numel()


@dataclass(frozen=True)
class Losses:
    """A network's losses as a function of its values: [windows, context - 1] in nats, of int64 [windows, context].

    They are what a network learns from, in float32; what it is examined by is measured on its logits.

    The module is a shell, which is given its values anew at every call and holds none; `shapes` are theirs.
    """

    module: nn.Module
    shapes: Mapping[str, torch.Size]
    device: torch.device

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, config: str, attention: str, device: torch.device) -> Losses:
        """Of a configuration as JSON."""
        module: nn.Module = network(json.loads(config), attention)
        shapes = {name: value.shape for name, value in module.named_parameters()}
        for value in module.parameters():
            value.data = value.data.new_empty(0)
        return cls(module.to(device), shapes, device)

    def __hash__(self) -> int:
        return id(self.module)

    def logits(self, values: State, windows: Tensor) -> Tensor:
        """Of every predicted token, [windows, context - 1, vocabulary]."""
        seen = windows.shape[1] - 1
        told = {  # positions and causality: transformers would look at the data to find out about them
            "position_ids": torch.arange(seen, device=self.device)[None],
            "attention_mask": torch.full((seen, seen), float("-inf"), device=self.device).triu(1)[None, None],
            "use_cache": False,
        }
        logits: Tensor = functional_call(self.module, values, (windows[:, :-1],), told).logits
        return logits

    def __call__(self, values: State, windows: Tensor) -> Tensor:
        logits, targets = self.logits(values, windows), windows[:, 1:]
        losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view(targets.shape)

    @lru_cache(maxsize=16)  # noqa: B019 - there are few, and each is used thousands of times
    def learner(self, networks: int, batch: int, context: int) -> Callable[..., tuple[State, tuple[Tensor, Tensor]]]:
        """The gradients of the weighted mean loss, and that and the plain mean: of values, windows and weights.

        Traced once; of several networks all have one dimension more.
        """

        def loss(values: State, windows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
            losses = self(values, windows)
            return (losses * weights).sum() / weights.sum(), losses.mean()

        learn = grad_and_value(loss, has_aux=True)
        many = () if networks == 1 else (networks,)
        values = {name: torch.zeros(*many, *shape, device=self.device) for name, shape in self.shapes.items()}
        windows = torch.zeros(*many, batch, context, dtype=torch.int64, device=self.device)
        weights = torch.ones(*many, batch, context - 1, device=self.device)
        graph: nn.Module = make_fx(learn if networks == 1 else vmap(learn))(values, windows, weights)
        return graph
