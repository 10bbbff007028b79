"""What was found in a model whose family is not declared, part by part, in words."""

from __future__ import annotations

from collections.abc import Iterator

from suite.models.anatomy import Anatomy
from suite.models.parts import BLOCK, FUSED, NEVER_PRUNED, OTHER, TABLES, Parameter

UNTOLD = "no name tells which"


def found_words(anatomy: Anatomy) -> Iterator[str]:
    """A line for the class, for each part that may lose weights, and for what is never pruned."""
    tied = ", its head tied to its embeddings" if anatomy.tied else ""
    yield f"{anatomy.family} is no declared family: found in {anatomy.found_in}, {anatomy.layers} blocks{tied}"
    for part in (*BLOCK, *TABLES):
        if some := [parameter for parameter in anatomy.parameters if parameter.part == part]:
            what = FUSED.get(part) or (UNTOLD if part == OTHER else "")
            yield f"  {f'{part} ({what})' if what else part:<32} {_weights(some):>16} weights in {_tensors(some)}"
    spared = {part: [one for one in anatomy.parameters if one.part == part] for part in NEVER_PRUNED}
    said = [f"{_weights(some)} {part}" for part, some in spared.items() if some]
    if said:
        yield f"  never pruned: {', '.join(said)}"


def found_parts(anatomy: Anatomy) -> dict[str, int]:
    """How many weights each part has."""
    parts = {parameter.part for parameter in anatomy.parameters}
    return {part: sum(p.weights for p in anatomy.parameters if p.part == part) for part in sorted(parts)}


def _weights(some: list[Parameter]) -> str:
    return f"{sum(parameter.weights for parameter in some):,}"


def _tensors(some: list[Parameter]) -> str:
    """`12 tensors`, `12 tensors [inputs, outputs]`, `24 tensors of 8 experts`."""
    experts = max(parameter.matrices for parameter in some)
    stacked = [parameter for parameter in some if parameter.stacked]
    of = f" of {experts} experts" if len(stacked) == len(some) else f", {len(stacked)} of {experts} experts"
    turned = " [inputs, outputs]" if all(parameter.inputs_first for parameter in some) else ""
    return f"{len(some)} tensor{'s' * (len(some) > 1)}{of if stacked else ''}{turned}"
