"""The criteria: what each looks at, what its sparsity may be counted over, and the function that scores.

To add one: a file here with a function of tensors, and its line in `CRITERIA`. A function is imported when it is used:
`lottery plan` reads this table without torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Literal

Wants = Literal["nothing", "seed", "norms", "gram"]
Published = Literal["rank", "row"]
UNPRUNED = "none"  # what stands for a criterion where every weight stays


@dataclass(frozen=True, slots=True)
class Criterion:
    """One way to say which weights go.

    `function` is written `module:name`. It gets a layer's weight [outputs, inputs] as stored, and what the criterion
    `wants` beside it: `nothing`; a `seed` with the tensor's name (and of the weight its shape alone); the Euclidean
    `norms` of the layer's inputs, float32 [inputs]; or the `gram` matrix of its inputs, factored. It returns scores,
    of which those of the lowest magnitude go: floats, or integers that sort like them (see `suite.pruning.keys`). One
    that `corrects` the weights that stay chooses along the way instead: see `suite.pruning.sparsegpt`.

    `counts` are the scopes that mean something for its scores. `published` is how the code of its paper counts (None:
    there is no paper): `rank`, every weight up to the one at place int(n * s) of the sorted scores; `row`, int(n * s)
    of each row of n. `structures` says whether whole neurons and layers may be ranked by it
    (`suite.models.structured`). `label` is how its paper writes its name, where that is not the name here.
    """

    function: str
    wants: Wants
    counts: tuple[str, ...]
    published: Published | None = None
    corrects: bool = False
    structures: bool = False
    label: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        return self.counts if self.published is None else (*self.counts, "reference")

    @property
    def calibrated(self) -> bool:
        """Whether it looks at activations."""
        return self.wants in ("norms", "gram")

    @property
    def drawn(self) -> bool:
        """Whether it draws, and so has seeds."""
        return self.wants == "seed"

    def resolve(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = resolve_name(self.function)
        return function


CRITERIA = {
    "magnitude": Criterion(
        "suite.pruning.keys:magnitude_keys", "nothing", ("tensor", "row", "global"), "rank", structures=True
    ),
    # Of calibrated criteria the scores of different layers are on different scales, so none counts over scope `global`.
    "wanda": Criterion(
        "suite.pruning.wanda:wanda_scores", "norms", ("tensor", "row"), "row", structures=True, label="Wanda"
    ),
    # It weighs a block of columns as a whole, all rows together.
    "sparsegpt": Criterion(
        "suite.pruning.sparsegpt:sparsegpt", "gram", ("tensor",), "rank", corrects=True, label="SparseGPT"
    ),
    "random": Criterion("suite.pruning.keys:random_keys", "seed", ("tensor", "row", "global"), structures=True),
}


def criterion_names() -> tuple[str, ...]:
    """What an experiment may name, in the order of every table: none, those that choose, and last those that draw."""
    return (UNPRUNED, *sorted(CRITERIA, key=lambda name: CRITERIA[name].drawn))


def criterion_label(name: str) -> str:
    """A criterion as its paper writes it; the name itself where the table has no other, or does not know it."""
    found = CRITERIA.get(name)
    return found.label or name if found else name


def criterion_rank(criterion: str) -> int:
    """The place of a criterion in that order."""
    return criterion_names().index(criterion)
