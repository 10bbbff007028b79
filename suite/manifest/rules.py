"""Which combinations of a cell's values mean something; each that does not has its sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from suite.errors import InputError
from suite.models.anatomy import Parameter
from suite.models.source import ModelSource
from suite.pruning.criteria import CRITERIA

At = Callable[[str], str]  # where a key of the grid stands in the file

GROUPS = {"2:4": 4, "4:8": 8}  # so many neighbours of a row lose half of them
# What can be taken out of which targets.
WHOLE = {"neurons": ("mlp",), "layers": ("blocks", "early", "late"), "experts": ("mlp",)}


def looks_at_activations(values: Mapping[str, Any]) -> bool:
    """Whether a cell needs calibration text."""
    return CRITERIA[values["criterion"]].calibrated or values["allocation"] != "uniform"


def check_cell(values: Mapping[str, Any], selected: tuple[Parameter, ...], model: ModelSource, at: At) -> None:
    """Refuse a cell whose values contradict each other.

    Args:
        values: the cell's, by the manifest's keys.
        selected: the parameters its target selects.

    Raises:
        InputError: which value, where, and what to do.
    """
    criterion, scope, pattern, budget = (values[key] for key in ("criterion", "scope", "pattern", "budget"))
    scopes = CRITERIA[criterion].scopes
    if scope == "reference" and CRITERIA[criterion].published is None:
        raise InputError(
            f"{at('scope')}: no paper's code counts {criterion} removal; scope `reference` is for other criteria"
        )
    if not scopes and pattern not in CRITERIA[criterion].structures:
        (whole,) = CRITERIA[criterion].structures
        raise InputError(f"{at('criterion')}: {criterion} ranks whole {whole}, no single weights; give pattern {whole}")
    if scopes and scope not in scopes:
        raise InputError(f"{at('scope')}: {criterion} does not count over scope `{scope}`; take {' or '.join(scopes)}")
    if scope == "reference":
        if budget is not None:
            raise InputError(
                f"{at('scope')}: a budget is an exact number of weights, and scope `reference` takes ties along"
            )
        if values["sparsity"] == 1:
            raise InputError(f"{at('scope')}: scope `reference` has no threshold at sparsity 1; ask for less")
    if scope == "row" and budget is not None:
        raise InputError(
            f"{at('scope')}: a budget is an exact number of weights, which scope `row` cannot spread evenly"
        )
    if values["cliff"] is not None and "perplexity" not in values["measure"]:
        raise InputError(f"{at('measure')}: a cliff is searched by measuring perplexity")
    _check_activations(values, selected, model, at)
    if values["allocation"] != "uniform":
        _check_allocation(values, at)
    if pattern is not None:
        _check_pattern(values, selected, model, at)


def _check_activations(values: Mapping[str, Any], selected: tuple[Parameter, ...], model: ModelSource, at: At) -> None:
    fed = [p for p in selected if p.part == "embeddings"]
    if fed and looks_at_activations(values):
        raise InputError(
            f"{at('target' if values['target'] else 'part')}: {values['criterion']} looks at what a layer is fed, and "
            f"embeddings are fed nothing (of {model.name}, {fed[0].name}); leave them out"
        )


def _check_allocation(values: Mapping[str, Any], at: At) -> None:
    if CRITERIA[values["criterion"]].drawn or values["scope"] == "global" or values["budget"] is not None:
        raise InputError(
            f"{at('allocation')}: {values['allocation']} gives each layer a sparsity of its own; it goes with a "
            "sparsity, a criterion other than random, and a scope other than global"
        )


def _check_pattern(values: Mapping[str, Any], selected: tuple[Parameter, ...], model: ModelSource, at: At) -> None:
    pattern, where = values["pattern"], at("pattern")
    others = [key for key, usual in (("scope", "tensor"), ("allocation", "uniform")) if values[key] != usual]
    others += [key for key in ("budget",) if values[key] is not None]
    if others:
        raise InputError(f"{where}: pattern {pattern} settles by itself what is counted; leave `{others[0]}` out")
    if pattern in GROUPS:
        if values["cliff"] is not None:
            raise InputError(f"{where}: pattern {pattern} removes half of the weights, so it has no cliff to search")
        for parameter in selected:
            if parameter.inputs % GROUPS[pattern]:
                raise InputError(
                    f"{where}: {parameter.name} of {model.name} has rows of {parameter.inputs} weights, which "
                    f"{GROUPS[pattern]} does not divide; pattern {pattern} needs groups of {GROUPS[pattern]}"
                )
        return
    targets = WHOLE[pattern]
    if values["target"] not in targets:
        raise InputError(f"{where}: pattern {pattern} takes whole {pattern} out; give target {' or '.join(targets)}")
    stacks = [parameter for parameter in selected if parameter.stacked]
    if pattern == "neurons" and (stacks or not any(parameter.part == "down" for parameter in selected)):
        what = f"{stacks[0].name} is of experts" if stacks else "none is known"
        raise InputError(
            f"{where}: pattern neurons takes neurons out of plain MLPs, and in {model.name} {what}; take pattern layers"
        )
    if pattern == "experts" and not stacks:
        raise InputError(f"{where}: pattern experts takes experts of a mixture out, and {model.name} has none")
    if pattern not in CRITERIA[values["criterion"]].structures:
        others = [name for name, criterion in CRITERIA.items() if pattern in criterion.structures]
        raise InputError(
            f"{where}: {values['criterion']} chooses single weights, and whole {pattern} go; "
            f"take {', '.join(others[:-1])} or {others[-1]}"
        )
