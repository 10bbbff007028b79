"""What each expert of a block is fed: experts are parameters, no modules, so it is worked out from what all are given.

Experts of transformers are called with hidden states and the experts that each token goes to, whatever kernel computes
them. What leads into an expert meets the states of its tokens; what leads out of it meets what its gate lets through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.errors import ExperimentError
from suite.models.parts import Parameter

INTERFACE = ("has_gate", "has_bias", "is_transposed", "_apply_gate")  # what transformers' expert interface gives


def expert_inputs(
    experts: nn.Module, wanted: tuple[Parameter, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[tuple[str, Tensor]]:
    """The names of the wanted experts' matrices that see a token, each with its inputs [tokens, width].

    Args:
        experts: the module that holds the weights of all experts of a block.
        wanted: parameters of it.
        args: what it is called with.
        kwargs: what it is called with by name.

    Raises:
        ExperimentError: it does not go by transformers' expert interface.
    """
    hidden, chosen, _ = _given(experts, args, kwargs)
    for expert in chosen.unique().tolist():
        if expert >= wanted[0].matrices:  # a token that goes to none, as transformers marks it
            continue
        states = hidden[(chosen == expert).any(1)]
        inner: Tensor | None = None
        for parameter in wanted:
            fed = states
            if parameter.part == "down":
                fed = inner = _inner(experts, states, expert) if inner is None else inner
            yield parameter.matrix_names[expert], fed


def expert_outputs(
    experts: nn.Module, count: int, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Each of `count` experts that sees a token, with the weights that the router gives it, [tokens], and what it
    makes of these tokens before they are weighted, [tokens, width].

    Raises:
        ExperimentError: it does not go by transformers' expert interface.
    """
    hidden, chosen, weights = _given(experts, args, kwargs)
    if weights is None or weights.shape != chosen.shape:
        raise _unknown(experts)
    for expert in chosen.unique().tolist():
        if expert < count:
            token, place = torch.nonzero(chosen == expert, as_tuple=True)
            yield expert, weights[token, place], _outer(experts, _inner(experts, hidden[token], expert), expert)


def _given(experts: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Hidden states [tokens, width], which experts each token goes to [tokens, active], and with what weights."""
    given = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
    floats = [one for one in given if one.is_floating_point()]
    chosen = next((one for one in given if not one.is_floating_point()), None)
    missing = [key for key in INTERFACE if not hasattr(experts, key)]
    if missing or not floats or chosen is None or floats[0].dim() != 2 or chosen.dim() != 2:
        raise _unknown(experts)
    return floats[0], chosen, floats[1] if len(floats) > 1 else None


def _unknown(experts: nn.Module) -> ExperimentError:
    return ExperimentError(
        f"the experts of {type(experts).__name__} do not go by transformers' expert interface, so what each of them is "
        "fed is not known; take magnitude or random, which look at no inputs"
    )


def _outer(experts: Any, inner: Tensor, expert: int) -> Tensor:
    """What one expert makes of what it feeds to its way out, [tokens, width]."""
    weight = experts.down_proj[expert]
    bias = experts.down_proj_bias[expert] if experts.has_bias else None
    return functional.linear(inner, weight.T if experts.is_transposed else weight, bias)


def _inner(experts: Any, states: Tensor, expert: int) -> Tensor:
    """What one expert feeds to its way out, [tokens, width]."""
    name = "gate_up_proj" if experts.has_gate else "up_proj"
    weight = getattr(experts, name)[expert]
    bias = getattr(experts, f"{name}_bias")[expert] if experts.has_bias else None
    made = functional.linear(states, weight.T if experts.is_transposed else weight, bias)
    found: Tensor = experts._apply_gate(made) if experts.has_gate else experts.act_fn(made)
    return found


def unseen_experts(names: set[str]) -> int:
    """How many experts some names of matrices are of."""
    return len({(name.rpartition("[")[0].rpartition(".")[0], name.rpartition("[")[2]) for name in names})
