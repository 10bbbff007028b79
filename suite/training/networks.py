"""Networks of one architecture trained side by side, each from its own start, under its own mask, on its own batches.

On a processor a network alone is a plain module; several, as on a GPU, are one batched computation over stacked
parameters (`torch.func.vmap`). AdamW works element by element, so that the networks do not see each other; gradients
are clipped for each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

State = dict[str, Tensor]  # a network's parameters by name


def initial(architecture: Mapping[str, Any], vocabulary: int, context: int, seed: int) -> State:
    """A network's initial values, float32: they follow from the architecture and the seed alone."""
    torch.manual_seed(seed)
    return {
        name: value.detach().clone() for name, value in _model(architecture, vocabulary, context).named_parameters()
    }


def _model(architecture: Mapping[str, Any], vocabulary: int, context: int) -> PreTrainedModel:
    fields = {key: value for key, value in architecture.items() if key != "model_type"}
    config = AutoConfig.for_model(
        architecture["model_type"],
        vocab_size=vocabulary,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        **fields,
    )
    # Written out, attention can be batched over networks; at these sizes that costs nothing.
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    return model.train()


class Networks:
    """Several networks on their way.

    Args:
        architecture: a transformers configuration's fields, `model_type` among them.
        starts: the values each begins with.
        masks: of each, by parameter, bool, True = survives; parameters without one are whole.
        device: where they are trained.
    """

    def __init__(
        self,
        architecture: Mapping[str, Any],
        vocabulary: int,
        context: int,
        starts: Sequence[State],
        masks: Sequence[Mapping[str, Tensor]],
        *,
        betas: tuple[float, float],
        weight_decay: float,
        gradient_norm: float,
        device: torch.device,
    ) -> None:
        self.model = _model(architecture, vocabulary, context).to(device)
        self.gradient_norm = gradient_norm
        self.count = len(starts)
        self.masks = {
            name: torch.stack([mask[name] for mask in masks]).to(device) for name in (masks[0] if masks else ())
        }
        self.parameters = {name: torch.stack([start[name] for start in starts]).to(device) for name in starts[0]}
        for name, mask in self.masks.items():
            self.parameters[name].mul_(mask)
        leaves = {name: value.requires_grad_() for name, value in self.parameters.items()}
        matrices = [value for value in leaves.values() if value.ndim == 3]
        others = [value for value in leaves.values() if value.ndim != 3]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=0.0,
            betas=betas,
            fused=True,
        )
        self._gradients: Callable[..., Any] = grad_and_value(self._loss)
        if self.count > 1:
            self._gradients = vmap(self._gradients)

    def step(self, batches: Tensor, rate: float) -> Tensor:
        """Learn from a batch each: int64 [networks, batch, context]; the losses before it, nats, [networks]."""
        if self.count > 1:
            gradients, losses = self._gradients(self.parameters, batches)
        else:
            one = {name: value[0] for name, value in self.parameters.items()}
            found, loss = self._gradients(one, batches[0])
            gradients, losses = {name: value[None] for name, value in found.items()}, loss[None]
        for name, mask in self.masks.items():
            gradients[name] = gradients[name] * mask
        norms = sum(g.square().flatten(1).sum(1) for g in gradients.values()).sqrt()
        factors = (self.gradient_norm / (norms + 1e-6)).clamp_(max=1.0)
        for name, value in self.parameters.items():
            value.grad = gradients[name] * factors.view(-1, *[1] * (value.ndim - 1))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return losses.detach()

    def state(self, index: int) -> State:
        """The values of one network now, on the CPU."""
        return {name: value[index].detach().cpu().clone() for name, value in self.parameters.items()}

    def removed_are_zero(self) -> bool:
        """Whether every weight that a mask removed is zero."""
        return all(not bool((self.parameters[name] * ~mask).any()) for name, mask in self.masks.items())

    def _loss(self, parameters: State, batch: Tensor) -> Tensor:
        logits = functional_call(self.model, parameters, (batch[:, :-1],), {"use_cache": False}).logits
        return functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
