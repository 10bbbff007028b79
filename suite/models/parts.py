"""What a model is made of: its parameters, and the part each belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass

ATTENTION = ("q", "k", "v", "qkv", "kv", "o")
MLP = ("gate", "up", "gate_up", "down")
OTHER = "other"  # a weight matrix inside a block that no name tells
BLOCK = (*ATTENTION, *MLP, OTHER)
TABLES = ("embeddings", "lm_head")
FUSED = {"qkv": "q, k and v in one", "kv": "k and v in one", "gate_up": "gate and up in one"}
NEVER_PRUNED = ("norm", "bias", "positions", "router", "sinks", "vector", "outside")
TARGETS = ("all", "blocks", "attention", "mlp", "early", "late", "embeddings", "lm_head")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter tensor: its name in the model, shape, part, and layer (None outside the blocks).

    Parts that may lose weights are those of `BLOCK` (the weight matrices of a block; `FUSED` says which are several in
    one), embeddings and lm_head. The others are norm, bias, positions (tables of positions), router (which expert a
    token goes to), sinks (of attention), vector (any other in a block that is no matrix) and outside (any other that
    is in no block).

    A weight is a matrix [outputs, inputs], or [inputs, outputs] where `inputs_first` says so, as GPT-2 keeps them; of
    experts a stack of such matrices, one for each.
    """

    name: str
    shape: tuple[int, ...]
    part: str
    layer: int | None = None
    inputs_first: bool = False

    @property
    def weights(self) -> int:
        return math.prod(self.shape)

    @property
    def stacked(self) -> bool:
        """Whether it is a stack of the matrices of experts."""
        return len(self.shape) == 3

    @property
    def matrices(self) -> int:
        """How many matrices it is."""
        return self.shape[0] if self.stacked else 1

    @property
    def outputs(self) -> int:
        """Rows of each of its matrices: what they give."""
        return self.shape[-1 if self.inputs_first else -2]

    @property
    def inputs(self) -> int:
        """Columns of each of its matrices: what they are fed."""
        return self.shape[-2 if self.inputs_first else -1]

    @property
    def matrix_names(self) -> tuple[str, ...]:
        """A name for each of its matrices: its own, followed by the expert's number in a stack."""
        return tuple(f"{self.name}[{i}]" for i in range(self.matrices)) if self.stacked else (self.name,)
