"""An experiment: one fully resolved cell of a study, and the words and bounds its fields are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from suite.plugins import NAME
from suite.protocol import JUDGED_PROMPTS, NEW_TOKENS, PROTOCOL_VERSION, SEQUENTIAL_ERROR
from suite.pruning.criteria import UNPRUNED, Structure, Variant
from suite.records import former

Criterion = Annotated[str, Field(pattern=NAME)]  # of a plug-in that is not installed here, too
Scope = Literal["tensor", "row", "global", "reference"]
Allocation = Literal["uniform", "owl", "block-influence"]
Pattern = Literal["2:4", "4:8", "neurons", "layers", "experts"]
Tied = Literal["untie", "both", "skip"]
Control = Literal["random-reinit", "random", "learning-rate-rewinding", "small-dense"]
Arm = Literal["dense", "dense-longer", "ticket", Control, "early"]
CONTROLS: tuple[Control, ...] = get_args(Control)  # what the ticket is held against
ARMS: tuple[Arm, ...] = get_args(Arm)  # in the order of every table
Measure = Literal["perplexity", "generation", "memory", "size", "coherence"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]  # what a model is loaded in
Bos = Literal["once", "each"]  # where the tokenizer's BOS stands: as the tokenizer puts it, or before every window
Precision = Literal["auto", "float32", "bfloat16", "float16", "float8-weights", "float8-compute"]

# A record may come from anybody, and what follows divides by its numbers and takes their logarithms: one whose numbers
# are none that could have been measured is not read. The bounds are far beyond those that are.
Count = Annotated[int, Field(ge=0, lt=2**63)]
Some = Annotated[int, Field(ge=1, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(ge=1e-150, le=1e150)]
Amount = Annotated[float, Field(ge=0, le=1e150)]
Nats = Annotated[float, Field(ge=-1, le=10_000)]  # nothing is below 0 but by rounding
Context = Annotated[int, Field(ge=1, lt=2**31)]


class Part(BaseModel):
    """A part of a record: frozen, nothing unknown in it, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class TextReference(Part):
    """A text, named and pinned: `revision` is a commit of the hub, or `sha256:...` of a local text."""

    name: str
    revision: str
    join: str


class Calibration(Part):
    """What a criterion that looks at activations is shown: `samples` windows of `context` tokens of a text, which begin
    at places drawn by Python's generator from `seed`."""

    text: TextReference
    samples: Some
    context: Context
    seed: Count


class Recovery(Part):
    """A fine-tuning of the pruned model, its mask held: `tokens` of a text in batches of `batch` windows of `context`.

    AdamW without weight decay, in float32; the learning rate rises over the first twentieth of the steps to
    `learning_rate` and falls along a cosine to a tenth of it. Windows begin at places drawn from `seed`.
    """

    text: TextReference
    tokens: Some
    context: Context
    batch: Some
    learning_rate: Positive
    seed: Count


class Sequential(Part):
    """A step of a search that evaluates windows in a random order and stops once it is told whether the perplexity
    exceeds each of the `factors` of the dense one; `alpha` is about the chance that what it tells is wrong
    (`suite.evaluation.sequential`)."""

    factors: Annotated[tuple[Annotated[float, Field(gt=1, le=1e150)], ...], Field(min_length=1)]
    alpha: Annotated[float, Field(gt=0, lt=1)] = SEQUENTIAL_ERROR


class Continuation(Part):
    """What a model writes, greedily: so many `prompts`, each continued by so many `tokens`."""

    prompts: Some = JUDGED_PROMPTS
    tokens: Some = NEW_TOKENS

    @property
    def words(self) -> str:
        return f"{self.prompts} prompt{'s' * (self.prompts > 1)} of {self.tokens} new tokens"


class Training(Part):
    """A network trained from its own start, a step of the search for a ticket; the experiment's seed is its start's.

    `steps` of AdamW on batches of `batch` windows of a text: the first `rewind` (a share) of them with every weight,
    then under the mask of its `level`, which holds to the end. Each level removes a share `pruned` of what the level
    before left, of all block weights together. `order` gives the order of the windows, the same for all arms.

    The `arm` says where mask and values come from. `dense`: no mask; `dense-longer`: the same, trained for longer;
    `ticket`: the smallest weights of the ticket one level before are gone, at the end of its training, and the values
    are initial again (Frankle & Carbin 2018); `random-reinit`: that mask, other initial values; `random`: a random mask
    with as many survivors in each tensor, the ticket's initial values; `learning-rate-rewinding`: weights go on from
    the level before, and only the learning rate starts again (Renda et al. 2020); `small-dense`: a narrower dense
    network of as many parameters as survive; `early`: the smallest weights of the dense network at `read`, a share of
    its training, went in one step.
    """

    arm: Annotated[Arm, BeforeValidator(former.renamed(former.ARMS))]
    level: Count = 0
    pruned: Share
    rewind: Share = 0.0
    read: Share | None = None
    order: Count = 0
    text: TextReference
    steps: Some
    batch: Some
    learning_rate: Positive
    recall_weight: Positive = 1.0


class Experiment(Part):
    """One fully resolved cell of a study: what was asked for, and nothing of the machine that answers.

    `variant` says whether a criterion goes by its paper or by its authors' code, where they differ, and `cycles` how
    often one takes turns that does so; None of the others.

    `sparsity` is the share of the target's weights to remove (0.0 where none are); where a `budget` (a share of the
    block weights) was asked for, it is the sparsity that follows from it. `layers` is None for every layer; `part`
    is None unless parts were chosen freely, and then `target` is None. `pattern` is the shape in which weights go:
    None for wherever the criterion finds them, N:M (N of every M neighbours of a row), `neurons` of the MLP, whole
    `layers` or `experts`, which are taken out. `baseline_precision` is the dense baseline's where this cell's is
    another, else None. `windows` is how many windows of the text are evaluated, None for all of them; `bos` is
    `each` where every window begins with the tokenizer's BOS. A `sequential` one says only whether perplexity
    exceeds factors. `generation` is what is written where that is measured. `parts` are patterns of names of
    weights, each with the part that such a weight is taken for, where the manifest says so.
    """

    model: str
    revision: str
    criterion: Criterion
    variant: Variant | None = None
    cycles: Some | None = None
    target: str | None = None
    part: tuple[str, ...] | None = None
    layers: str | None = None
    scope: Annotated[Scope, BeforeValidator(former.renamed(former.SCOPES))] = "tensor"
    allocation: Allocation = "uniform"
    pattern: Pattern | None = None
    sparsity: Share = 0.0
    budget: Share | None = None
    precision: Precision = "auto"
    baseline_precision: Dtype | None = None
    tied: Tied = "untie"
    text: TextReference
    context: Context
    windows: Some | None = None
    bos: Bos = "once"
    calibration: Calibration | None = None
    seed: Count | None = None
    recovery: Recovery | None = None
    training: Training | None = None
    sequential: Sequential | None = None
    generation: Continuation = Continuation()
    parts: tuple[tuple[str, str], ...] | None = None
    measure: tuple[Measure, ...] = ("perplexity",)

    @property
    def unpruned(self) -> bool:
        """Whether every weight stays, whatever else is done to the model."""
        return self.criterion == UNPRUNED

    @property
    def dense(self) -> bool:
        """Whether it is the baseline: the model as it is, which everything else of it is held against."""
        return self.unpruned and self.baseline_precision is None and self.recovery is None and self.training is None

    @property
    def writes(self) -> bool:
        """Whether prompts are continued, to look at the text or to time it."""
        return bool({"generation", "coherence"} & set(self.measure))

    @property
    def structured(self) -> bool:
        """Whether what is pruned is really taken out, so that what remains is a smaller dense model."""
        return self.pattern in get_args(Structure)

    @property
    def what(self) -> str:
        """The pruned weights in a few words: `attention`, or `q+down, layers 0-7`, or `q, layer 3`."""
        name = self.target or "+".join(self.part or ())
        noun = "layer" if (self.layers or "").isdecimal() else "layers"
        return ", ".join(filter(None, [name, self.layers and f"{noun} {self.layers}"])) if name else "dense"

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON of the experiment and the protocol's version; 64 hexadecimal digits."""
        asked = self.model_dump(mode="json")
        for later, default in _LATER.items():  # so that what was measured before these could be asked for keeps its id
            if asked[later] == default:
                del asked[later]
        asked["scope"] = former.in_id(former.SCOPES, self.scope)
        if self.training is not None:
            asked["training"]["arm"] = former.in_id(former.ARMS, self.training.arm)
        return digest({"protocol": PROTOCOL_VERSION, **asked})


# Fields that came later, with the values that stand for what was measured before.
_LATER = {
    "variant": None,
    "cycles": None,
    "baseline_precision": None,
    "recovery": None,
    "training": None,
    "windows": None,
    "bos": "once",
    "sequential": None,
    "generation": Continuation().model_dump(mode="json"),
    "parts": None,
}


def short_revision(revision: str) -> str:
    """The first 8 digits of a commit or a digest; of a file and the tokenizer beside it, both."""
    return "+".join(part[:8] for part in revision.removeprefix("sha256:").split("+"))


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces, shortest floats), in hexadecimal."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
