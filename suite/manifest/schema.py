"""The schema of a manifest. `manifests/manifest.schema.json` is made from it, for editors."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal
from unicodedata import category

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from suite.errors import InputError
from suite.manifest.entries import (
    CalibrationEntry,
    CliffEntry,
    Criterion,
    CriterionEntry,
    GenerationEntry,
    Layers,
    ModelEntry,
    Name,
    RecoveryEntry,
    ScopeName,
    Seed,
    Share,
    TextEntry,
    TicketEntry,
    WindowCount,
    named,
    of_factors,
)
from suite.manifest.places import listed
from suite.models.anatomy import BLOCK, TARGETS, parse_layers
from suite.records.experiment import Allocation, Bos, Measure, Pattern, Precision, Tied


def _patterns(value: Any) -> Any:
    """A list of patterns; YAML 1.1 takes 2:4 for two minutes and four seconds, and `none` stands for no pattern."""
    meant = {124: "2:4", 248: "4:8", "none": None}
    return [meant.get(one, one) if isinstance(one, int | str) else one for one in listed(value)]


EACH = "each"


class Defaults(BaseModel):
    """What a grid may carry; given at the top of a manifest, the default of every grid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    criterion: Annotated[
        list[Annotated[CriterionEntry, BeforeValidator(named, json_schema_input_type=Criterion | CriterionEntry)]],
        BeforeValidator(listed, json_schema_input_type=Criterion | CriterionEntry | list[Criterion | CriterionEntry]),
    ] = [CriterionEntry(name="magnitude")]
    scope: Annotated[list[ScopeName], BeforeValidator(listed, json_schema_input_type=ScopeName | list[ScopeName])] = [
        "tensor"
    ]
    allocation: Annotated[
        list[Allocation], BeforeValidator(listed, json_schema_input_type=Allocation | list[Allocation])
    ] = ["uniform"]
    pattern: Annotated[
        list[Pattern | None],
        BeforeValidator(_patterns, json_schema_input_type=Pattern | Literal["none"] | list[Pattern | Literal["none"]]),
    ] = [None]
    target: Annotated[list[str], BeforeValidator(listed, json_schema_input_type=str | list[str])] | None = None
    part: Annotated[list[str], BeforeValidator(listed, json_schema_input_type=str | list[str])] | None = None
    layers: (
        Annotated[list[Layers], BeforeValidator(listed, json_schema_input_type=str | int | list[str | int])] | None
    ) = None
    sparsity: Annotated[list[Share], BeforeValidator(listed, json_schema_input_type=float | list[float])] | None = None
    budget: Annotated[list[Share], BeforeValidator(listed, json_schema_input_type=float | list[float])] | None = None
    cliff: (
        Annotated[CliffEntry, BeforeValidator(of_factors, json_schema_input_type=float | list[float] | CliffEntry)]
        | None
    ) = None
    tied: Annotated[list[Tied], BeforeValidator(listed, json_schema_input_type=Tied | list[Tied])] = ["untie"]
    precision: (
        Annotated[list[Precision], BeforeValidator(listed, json_schema_input_type=Precision | list[Precision])] | None
    ) = None
    calibration: CalibrationEntry = CalibrationEntry()
    recovery: RecoveryEntry | None = None
    generation: GenerationEntry = GenerationEntry()
    seed: Annotated[list[Seed], BeforeValidator(listed, json_schema_input_type=int | list[int])] = [0]
    measure: Annotated[list[Measure], BeforeValidator(listed, json_schema_input_type=Measure | list[Measure])] = [
        "perplexity"
    ]

    @field_validator("target")
    @classmethod
    def _known_target(cls, value: list[str] | None) -> list[str] | None:
        for target in value or ():
            if target not in TARGETS:
                raise ValueError(f"target {target!r} is not one of {', '.join(TARGETS)}")
        return value

    @field_validator("part")
    @classmethod
    def _known_part(cls, value: list[str] | None) -> list[str] | None:
        for part in value or ():
            if part not in (*BLOCK, "embeddings", "lm_head", EACH):
                known = ", ".join((*BLOCK, "embeddings", "lm_head"))
                raise ValueError(f"part {part!r} is not one of {known}; or `each` alone")
        if EACH in (value or ()) and len(value or ()) > 1:
            raise ValueError("part: `each` stands alone: every part of the blocks, one at a time")
        return value

    @field_validator("layers")
    @classmethod
    def _layers_read(cls, value: list[str] | None) -> list[str] | None:
        if EACH in (value or ()):
            if len(value or ()) > 1:
                raise ValueError("layers: `each` stands alone: every layer, one at a time")
            return value
        for layers in value or ():
            try:
                parse_layers(layers)
            except InputError as error:
                raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _no_contradiction(self) -> Defaults:
        given = self.model_fields_set
        if {"target", "part"} <= given:
            raise ValueError("give target or part, not both: a part is a target chosen freely")
        if len({"sparsity", "budget", "cliff"} & given) > 1:
            raise ValueError(
                "give one of sparsity, budget and cliff: a budget becomes each target's sparsity, a cliff is searched "
                "by its own sparsities"
            )
        return self


class Grid(Defaults):
    """A grid of experiments: every combination of its values. `part` is one selection, its parts taken together;
    `part: each` and `layers: each` are every part of the blocks and every layer, one at a time.

    `cliff` searches, in each combination, the sparsity at which perplexity first exceeds these multiples of the dense
    one, to 1 %: `[1.1, 2]`, or `{factors: [1.1, 2], whole: true}` to measure every step on the whole text.
    """

    models: Annotated[list[Name], BeforeValidator(listed, json_schema_input_type=str | list[str])] | None = None


class Manifest(Defaults):
    """A study: which models, on which text, what is pruned, how far, and what is measured.

    `windows` evaluates that many windows of `context` tokens, spread evenly over the text, instead of all of them.
    `bos: each` begins every window with the tokenizer's BOS, as some models need (Gemma); `once` leaves it to the
    tokenizer, which puts at most one at the start of the text, as published.
    """

    title: str = Field(min_length=1, max_length=200)
    models: Annotated[
        list[Annotated[ModelEntry, BeforeValidator(named, json_schema_input_type=str | ModelEntry)]],
        BeforeValidator(listed, json_schema_input_type=str | ModelEntry | list[str | ModelEntry]),
    ] = Field(min_length=1)
    text: Annotated[TextEntry, BeforeValidator(named, json_schema_input_type=str | TextEntry)]
    context: Annotated[int, Field(ge=2, le=2**31, strict=True)] | None = None
    windows: WindowCount | None = None
    bos: Bos = "once"
    experiments: list[Grid] = []
    ticket: TicketEntry | None = None

    @field_validator("title")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if any(category(c) == "Cc" for c in value):
            raise ValueError("title: one line without control characters is printed, and this one has some")
        return value

    @field_validator("models")
    @classmethod
    def _distinct(cls, value: list[ModelEntry]) -> list[ModelEntry]:
        for name, times in Counter(entry.name for entry in value).items():
            if times > 1:
                raise ValueError(f"model {name!r} is listed twice; keep one")
        return value
