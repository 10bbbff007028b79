"""The criteria: what each looks at, what its sparsity may be counted over, and the function that scores.

To add one: a file here with a function of tensors, its test, and its line in `_OWN`; another package adds one by an
entry point (`suite.plugins`). A function is imported when it is used: `lottery plan` reads this table without torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import resolve_name
from typing import Any, Literal, get_args

from suite.plugins import Registry

Wants = Literal["nothing", "seed", "norms", "moments", "gram", "outputs"]
Published = Literal["rank", "row", "floor", "kept"]
Decides = Literal["after", "columns", "matrix"]
Variant = Literal["paper", "code"]
Rank = tuple[bool, int, str]  # the place of a criterion in every table
COUNTS = ("tensor", "row", "global")
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
_OWN = {
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


def _fault(_name: str, made: Criterion) -> str | None:
    """What is wrong with the words of a plug-in's criterion; mypy and tests see to the suite's own."""
    for field, value, known in (
        ("wants", made.wants, get_args(Wants)),
        ("decides", made.decides, get_args(Decides)),
        ("published", made.published, (None, *get_args(Published))),
    ):
        if value not in known:
            return f"`{field}` is one of {', '.join(map(str, known))}, and is {value!r}"
    if not made.counts or not set(made.counts) <= set(COUNTS):
        return f"`counts` is a tuple of {', '.join(COUNTS)}, and is {made.counts!r}"
    for field, path in (("function", made.function), ("prepare", made.prepare)):
        if path is not None and not re.fullmatch(r"[\w.]+:[\w.]+", str(path)):
            return f"`{field}` is written module:name, and is {path!r}"
    if made.decides != "after" and not made.calibrated:
        return f"what decides by {made.decides} wants norms, moments or gram, and it wants {made.wants}"
    if made.structures:
        return "`structures` is for criteria of the suite, as neurons and layers are ranked by functions of its own"
    return None


CRITERIA: Registry[Criterion] = Registry("criteria", "criterion", (Criterion,), _OWN, _fault, lambda: (UNPRUNED,))


def criterion_names() -> tuple[str, ...]:
    """What an experiment may name, in the order of every table: see `criterion_rank`."""
    return (UNPRUNED, *sorted(CRITERIA, key=criterion_rank))


def criterion_label(name: str) -> str:
    """A criterion as its paper writes it; the name itself where the table has no other, or does not know it."""
    found = CRITERIA.find(name)
    return found.label or name if found else name


def criterion_rank(criterion: str) -> Rank:
    """The place of a criterion: none, those that choose, and last those that draw; of both, plug-ins after the suite's.

    One that is not known here, of a plug-in that is not installed, is among those that choose.
    """
    own, found = [UNPRUNED, *_OWN], CRITERIA.find(criterion)
    place = own.index(criterion) if criterion in own else len(own)
    return found is not None and found.drawn, place, criterion
