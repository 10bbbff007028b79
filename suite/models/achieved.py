"""What pruning a model came to, in the record's terms, whichever way it was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from suite.models.anatomy import Anatomy, Parameter
from suite.pruning.masks import Bits, mask_digest
from suite.records.schema import Pruning, TensorCount


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done: the record's section, and the packed mask of each tensor (a sixteenth of a 16-bit model)."""

    achieved: Pruning
    masks: dict[str, Bits]


def achieved(
    anatomy: Anatomy,
    selected: tuple[Parameter, ...],
    counts: Mapping[str, TensorCount],
    masks: Mapping[str, Bits],
    seconds: float,
    untied_bytes: int = 0,
    taken_along: int = 0,
) -> Pruning:
    """The record's section (protocol rule 4).

    Args:
        anatomy: of the model as it was before.
        selected: what the target selects, each with its count.
        masks: the packed mask of each.
        untied_bytes: of the private copy that a tied head was given.
        taken_along: parameters beside the target's weights that went with them, such as norms and biases.
    """
    zeros = sum(count.zeros for count in counts.values())
    weights = sum(count.weights for count in counts.values())
    # A multiply-add for each weight of a linear layer that a token meets, the head's too; a look-up in the embeddings
    # costs none. All experts of a tensor count alike.
    multiply_adds = anatomy.running_weights + anatomy.head.weights
    idle = sum(
        counts[parameter.name].zeros * anatomy.runs(parameter) / parameter.weights
        for parameter in selected
        if parameter.part != "embeddings"
    )
    table = anatomy.embeddings.name
    if anatomy.tied and table in counts and not untied_bytes:
        idle += counts[table].zeros  # the shared table is the head as well
    # A private copy of a tied table is weight added, and counts against what was removed.
    remaining = anatomy.weights + (anatomy.head.weights if untied_bytes else 0) - zeros - taken_along
    return Pruning(
        mask_digest=mask_digest(masks),
        zeros=zeros,
        weights=weights,
        layers=len(counts),
        achieved_sparsity=zeros / weights,
        model_sparsity=1 - remaining / anatomy.weights,
        per_tensor=dict(counts),
        compression_ratio=anatomy.weights / max(1, remaining),
        theoretical_speedup=multiply_adds / max(1, multiply_adds - idle),
        untied_bytes=untied_bytes,
        seconds=seconds,
    )
