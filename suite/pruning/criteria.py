"""The criteria: what each looks at, what its sparsity may be counted over, and the function that scores.

To add one: a file here with a function of tensors, its test, and its line in `CRITERIA`. A function is imported when it
is used: `lottery plan` reads this table without torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import resolve_name
from typing import Any, Literal

Wants = Literal["nothing", "seed", "norms", "moments", "gram", "outputs"]
Published = Literal["rank", "row", "floor", "kept"]
Decides = Literal["after", "columns", "matrix"]
Variant = Literal["paper", "code"]
Structure = Literal["neurons", "layers", "experts"]
UNPRUNED = "none"  # what stands for a criterion where every weight stays


@dataclass(frozen=True, slots=True)
class Effort:
    """What a criterion takes beside the passes over its calibration text, by which it is forecast.

    `matrices` is how many float32 matrices [inputs, inputs] there are at the peak, of the widest layer. Making what it
    wants of one takes as long as `factors` products of two such matrices, and pruning a layer `products` of its weight
    with one, beside `column_seconds` for each input.
    """

    matrices: float = 0.0
    factors: float = 0.0
    products: float = 0.0
    column_seconds: float = 0.0

    def matrix_bytes(self, inputs: int) -> int:
        """Bytes of the matrices at the peak, of a layer with so many inputs."""
        return int(4 * self.matrices * inputs**2)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One way to say which weights go.

    `function` is written `module:name`. It gets a layer's weight [outputs, inputs] as stored, and what the criterion
    `wants` beside it: `nothing`; a `seed` with the tensor's name (and of the weight its shape alone); the Euclidean
    `norms` of the layer's inputs, float32 [inputs]; their `moments` (`suite.models.statistics`); or the `gram` matrix
    of its inputs. Where the criterion has a function `prepare`, it is what that made of it, once for all layers that
    have these inputs. One that wants the `outputs` of structures ranks nothing else (`suite.models.influence`).

    `decides` says when weights are chosen. `after`: the function returns scores, of which those of the lowest magnitude
    go: floats, or integers that sort like them (`suite.pruning.keys`). `columns`: it is given a choice for a few
    columns at a time, and returns what went and the corrected weights (`suite.pruning.sparsegpt`). `matrix`: it is
    given a choice for the whole weight (`suite.pruning.amount.Choice`) and its options, and returns what went, the
    corrected weights or None, and counts of what is to be known about it.

    `counts` are the scopes that mean something for its scores. `published` is how the code of its paper counts (None:
    there is no paper): `rank`, every weight up to the one at place int(n * s) of the sorted scores; `row`, int(n * s)
    of each row of n; `floor`, int(n * s) of the n of a tensor; `kept`, all but round(n * (1 - s)) of them.

    Where the code of its paper does not do what the paper says, `variants` are the two, and the first is the default;
    `cycles` is how often a criterion that takes turns does so by default.

    `structures` are those that may be ranked by it as wholes (`suite.models.structured`). `label` is how
    its paper writes its name, where that is not the name here; `reference` is the paper in the documents' bibliography,
    and `rival` the criterion that the paper says it beats.
    """

    function: str
    wants: Wants
    counts: tuple[str, ...]
    published: Published | None = None
    decides: Decides = "after"
    prepare: str | None = None
    variants: tuple[Variant, ...] = ()
    cycles: int | None = None
    effort: Effort = Effort()
    structures: tuple[Structure, ...] = ()
    label: str | None = None
    reference: str | None = None
    rival: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        return self.counts if self.published is None else (*self.counts, "reference")

    @property
    def calibrated(self) -> bool:
        """Whether it looks at activations."""
        return self.wants not in ("nothing", "seed")

    @property
    def drawn(self) -> bool:
        """Whether it draws, and so has seeds."""
        return self.wants == "seed"

    def resolve(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = resolve_name(self.function)
        return function

    @property
    def about(self) -> str:
        """What the file of its function says of it."""
        module = import_module(self.function.partition(":")[0])
        return (module.__doc__ or "").strip()

    def resolve_prepare(self) -> Callable[..., Any] | None:
        """The function `prepare` itself."""
        return None if self.prepare is None else resolve_name(self.prepare)

    def options(self, variant: str | None, cycles: int | None) -> dict[str, Any]:
        """What its function is given by name: those of these that it has, with their defaults."""
        found: dict[str, Any] = {}
        if self.variants:
            found["variant"] = variant or self.variants[0]
        if self.cycles is not None:
            found["cycles"] = self.cycles if cycles is None else cycles
        return found


WHOLE: tuple[Structure, ...] = ("neurons", "layers", "experts")
CRITERIA = {
    "magnitude": Criterion(
        "suite.pruning.keys:magnitude_keys", "nothing", ("tensor", "row", "global"), "rank", structures=WHOLE
    ),
    # Of calibrated criteria the scores of different layers are on different scales, so none counts over scope `global`.
    "wanda": Criterion(
        "suite.pruning.wanda:wanda_scores",
        "norms",
        ("tensor", "row"),
        "row",
        structures=WHOLE,
        label="Wanda",
        reference="sun2024",
    ),
    "ria": Criterion(
        "suite.pruning.ria:ria_scores",
        "norms",
        ("tensor", "row"),
        "rank",
        label="RIA",
        reference="zhang2024",
        rival="wanda",
    ),
    "dsnot": Criterion(
        "suite.pruning.dsnot:dsnot",
        "moments",
        ("tensor", "row"),
        "row",
        decides="matrix",
        prepare="suite.pruning.dsnot:averaged",
        variants=("paper", "code"),
        cycles=50,
        label="DSnoT",
        reference="zhang2024dsnot",
        rival="wanda",
    ),
    # It weighs a block of columns as a whole, all rows together.
    "sparsegpt": Criterion(
        "suite.pruning.sparsegpt:sparsegpt",
        "gram",
        ("tensor",),
        "rank",
        decides="columns",
        prepare="suite.pruning.sparsegpt:inverse_factor",
        effort=Effort(matrices=6.0, factors=1.0, products=2.0, column_seconds=1e-4),
        label="SparseGPT",
        reference="frantar2023",
    ),
    "admm": Criterion(
        "suite.pruning.admm:admm",
        "gram",
        ("tensor", "row"),
        "floor",
        decides="matrix",
        prepare="suite.pruning.admm:solver",
        variants=("paper", "code"),
        effort=Effort(matrices=6.0, factors=1.0, products=21.0),
        label="ADMM",
        reference="boza2024",
        rival="sparsegpt",
    ),
    "alps": Criterion(
        "suite.pruning.alps:alps",
        "gram",
        ("tensor", "row"),
        "kept",
        decides="matrix",
        prepare="suite.pruning.alps:spectrum",
        effort=Effort(matrices=11.0, factors=12.0, products=70.0),
        label="ALPS",
        reference="meng2024",
        rival="sparsegpt",
    ),
    "block-influence": Criterion(
        "suite.models.influence:block_influence",
        "outputs",
        (),
        structures=("layers",),
        label="block influence",
        reference="men2024",
    ),
    "reap": Criterion(
        "suite.models.influence:expert_influence",
        "outputs",
        (),
        structures=("experts",),
        label="REAP",
        reference="lasby2025",
    ),
    "random": Criterion("suite.pruning.keys:random_keys", "seed", ("tensor", "row", "global"), structures=WHOLE),
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
