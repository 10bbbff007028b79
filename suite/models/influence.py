"""How much each block of a model changes what goes through it, and each expert what its tokens get."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.models.experts import expert_outputs
from suite.models.loading import LoadedModel
from suite.models.parts import Parameter
from suite.models.passing import hidden_of


@torch.inference_mode()
def block_influence(loaded: LoadedModel, tokens: Tensor) -> list[float]:
    """1 - cos(x, y) of what goes into each block and what comes out of it, the mean over tokens (ShortGPT, Men et al.
    2024, arXiv 2403.03853). Of the last block what comes out is taken before the model's own norm.

    Args:
        tokens: int64 [samples, context]; the model is run over them once, as it is.
    """
    totals = torch.zeros(len(loaded.blocks), dtype=torch.float64)
    entered: dict[int, Tensor] = {}

    def enter(layer: int) -> Callable[..., None]:
        def look(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            entered[layer] = args[0] if args else kwargs["hidden_states"]

        return look

    def leave(layer: int) -> Callable[..., None]:
        def look(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            x, y = entered.pop(layer).double(), hidden_of(output).double()
            totals[layer] += float((1 - functional.cosine_similarity(x, y, dim=-1)).sum())

        return look

    with ExitStack() as stack:
        for layer, block in enumerate(loaded.blocks):
            stack.callback(block.register_forward_pre_hook(enter(layer), with_kwargs=True).remove)
            stack.callback(block.register_forward_hook(leave(layer)).remove)
        for sample in tokens:
            loaded.model.base_model(sample[None].to(loaded.device), use_cache=False)
    found: list[float] = (totals / tokens.numel()).tolist()
    return found


@torch.inference_mode()
def expert_influence(loaded: LoadedModel, tokens: Tensor, stacks: dict[int, list[Parameter]]) -> dict[int, Tensor]:
    """The norm of what an expert gives a token times the weight that the router gives it, the mean over the tokens
    that go to it (REAP, Lasby et al. 2025, arXiv 2510.13999). Zero of an expert that no token goes to.

    Args:
        tokens: int64 [samples, context]; the model is run over them once, as it is.
        stacks: the parameters of the experts of each layer that has some.

    Returns:
        For each of these layers, float64 [experts].

    Raises:
        ExperimentError: experts do not go by transformers' expert interface.
    """
    found: dict[int, Tensor] = {}
    with ExitStack() as stack:
        counts: dict[int, Tensor] = {}

        def watch(layer: int, experts: int) -> Callable[..., None]:
            found[layer], counts[layer] = (torch.zeros(experts, dtype=torch.float64) for _ in range(2))

            def look(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                for expert, weights, outputs in expert_outputs(module, experts, args, kwargs):
                    found[layer][expert] += float((weights * outputs.double().norm(dim=-1)).sum())
                    counts[layer][expert] += len(weights)

            return look

        for layer, group in stacks.items():
            module, experts = loaded.layer(group[0].name), group[0].matrices
            stack.callback(module.register_forward_pre_hook(watch(layer, experts), with_kwargs=True).remove)
        for sample in tokens:
            loaded.model.base_model(sample[None].to(loaded.device), use_cache=False)
        return {layer: total / counts[layer].clamp(min=1) for layer, total in found.items()}
