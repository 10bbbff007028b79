"""The record's schema: the interface to everything after the run.

Units: seconds, bytes, tokens; losses in nats a token. A field that was not measured is `None`, never an estimate.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, AliasChoices, ConfigDict, Field, model_validator

from suite.plugins import DISTRIBUTION, NAME, VERSION
from suite.protocol import LEVEL
from suite.records.experiment import Amount, Count, Experiment, Nats, Part, Positive, Share, Some, digest
from suite.records.peaks import Peaks
from suite.records.trained import Trained

SCHEMA = "lottery-record/3"
READABLE = (SCHEMA, "lottery-record/2")  # its names are read as the present ones, its missing fields as their defaults


class ModelSummary(Part):
    """What the model is: its class, and how many of its parameters are linear weights of its blocks.

    Of a model that was read from a GGUF file `quantisation` says what its matrices were stored in (`Q4_1`, or several
    types, those of most weights first); the experiment's `revision` is the SHA-256 of that file. `licence` is the
    catalogue's, or the file's own word; None where neither says.
    """

    architecture: str
    parameters: Some
    block_weights: Some
    layers: Some
    tied: bool
    quantisation: str | None = None
    file_format: Literal["gguf"] | None = None
    licence: Annotated[str, Field(max_length=100)] | None = None


class TensorCount(Part):
    """What was removed from one tensor; `zeros_before` were zero in the checkpoint already."""

    weights: Some
    zeros: Count
    zeros_before: Count


class Pruning(Part):
    """What was achieved (protocol rule 4).

    `achieved_sparsity` is zeros over weights of the target. `compression_ratio` is the model's original parameters
    over those that remain (the private copy of an untied table among them), and `model_sparsity` one minus its
    inverse. `theoretical_speedup` is the multiply-adds of the dense linear layers for one token over those whose
    weight is not zero. `mask_sample` is `suite.pruning.sample`'s, of masks that depend on floating-point sums.
    `remarks` count what a criterion did on the way that is to be known, and where it fell back on something else.
    """

    mask_digest: str
    mask_sample: Annotated[str, Field(pattern=r"^[0-9a-f]{1024}$")] | None = None
    zeros: Count
    weights: Some
    layers: Count
    achieved_sparsity: Share
    model_sparsity: Annotated[float, Field(ge=-1, le=1)]
    per_tensor: dict[str, TensorCount]
    compression_ratio: Positive
    theoretical_speedup: Positive
    untied_bytes: Count = 0  # the private copy a tied tensor needed, in the dtype of the run
    seconds: Amount
    peaks: Peaks | None = None  # while it was pruned, what a calibration held among it
    unseen_experts: Count = 0  # that no calibration token went to: of these the smallest weights went
    remarks: dict[Annotated[str, Field(max_length=100)], Count] = Field(default_factory=dict)


class Quantisation(Part):
    """The linear weights of the blocks rounded to 8 bits: E4M3, a scale for each output channel.

    `zeros_before` and `zeros` are counted before and after rounding, which makes zeros of the smallest weights.
    `relative_error` is the root of the summed squares of what rounding changed over that of the weights. `digest` is
    the SHA-256 of the codes and scales, tensors in name order: of a model that was only pruned, and by magnitude or at
    random, `float8-weights` has the same one on every machine.
    """

    format: Literal["float8-weights", "float8-compute"]
    digest: str
    tensors: Some
    weights: Some
    zeros_before: Count
    zeros: Count
    relative_error: Amount
    bytes: Some  # of the rounded weights and their scales
    seconds: Amount

    @property
    def sparsity(self) -> float:
        """The share of the rounded weights that are zero."""
        return self.zeros / self.weights


class Interval(Part):
    low: float
    high: float
    level: float = LEVEL


def _of_a_ratio(interval: Interval) -> Interval:
    if not 1e-150 <= interval.low <= interval.high <= 1e150 or not 0 < interval.level < 1:
        raise ValueError("an interval of a ratio lies between two positive numbers, the lower one first")
    return interval


class Protocol(Part):
    """Everything that could make two perplexities differ (rule 12).

    `bos` says whether the tokenizer put a BOS at the start of the text; `each`: every window begins with one, before
    `context - 1` tokens of the text. `text_windows` is how many windows the whole text has where only `windows` of
    them, evenly spread, were evaluated; None where all were. `softmax` is what the exponentials of a token's logits
    were summed in.
    """

    name: str
    text: str
    text_sha256: str
    text_bytes: Some
    join: str
    tokenizer_sha256: str
    bos: bool | Literal["each"]
    context: Some
    stride: Some
    windows: Some
    batch_size: Some
    attention: str
    dtype: str
    stored_dtype: str
    text_windows: Some | None = None
    softmax: Literal["float32", "float64"] = "float32"

    @property
    def whole_text(self) -> bool:
        """Whether every window of the text was evaluated."""
        return self.text_windows is None


class Perplexity(Part):
    """`value` = exp(mean NLL of the predicted tokens); the references are rule 16's.

    `agreement` is the share of predicted tokens at which the model's first choice is the dense model's, `kl` the mean
    KL(dense || this model) in nats a token (rule 13).
    """

    value: Positive
    nll_per_window: Annotated[tuple[Nats, ...], Field(min_length=1)]
    bits_per_byte: Nats
    ratio_to_dense: Positive
    interval: Annotated[Interval, AfterValidator(_of_a_ratio)] | None = None
    agreement: Share | None = None
    kl: Nats | None = None
    floor: Positive | None = None  # the text's own grammar on the same tokens, as a perplexity
    whole: Positive | None = None  # perplexity of the tokens whose story begins in their window
    whole_floor: Positive | None = None
    by_kind: dict[str, Nats] | None = None  # of those tokens: mean NLL by kind, nats
    floor_by_kind: dict[str, Nats] | None = None
    uniform: Positive
    unigram: Positive
    tokens: Some
    windows: Some
    protocol: Protocol

    @model_validator(mode="after")
    def _complete(self) -> Perplexity:
        if len(self.nll_per_window) != self.windows:
            raise ValueError(f"{self.windows} windows, and {len(self.nll_per_window)} losses")
        if set(self.by_kind or ()) != set(self.floor_by_kind or ()):
            raise ValueError("by_kind and floor_by_kind are of the same kinds")
        return self


class FactorVerdict(Part):
    """Whether a perplexity ratio exceeds a factor; None where that stayed open."""

    factor: Positive
    exceeds: bool | None


class SequentialTest(Part):
    """A step of a search: whether the perplexity exceeds factors of the dense one, from a part of the text.

    The `order` names the windows that were evaluated, by their number in the text from 0; `nll_per_window` are their
    losses in that order. `low` and `high` are the confidence sequence of the whole text's ratio when it stopped, at the
    `alpha` of the experiment, and `ratio` is that of the windows seen. It stopped because every factor was `decided`,
    or because its `limit` of windows was reached.
    """

    ratio: Positive
    low: Positive
    high: Positive
    verdicts: Annotated[tuple[FactorVerdict, ...], Field(min_length=1)]
    stopped: Literal["decided", "limit"]
    windows: Some
    limit: Some
    tokens: Some
    order: Annotated[tuple[Count, ...], Field(min_length=1)]
    nll_per_window: tuple[Nats, ...]
    protocol: Protocol

    @model_validator(mode="after")
    def _complete(self) -> SequentialTest:
        if not len(self.nll_per_window) == len(self.order) == self.windows:
            raise ValueError(
                f"{self.windows} windows, {len(self.order)} numbers of them, and {len(self.nll_per_window)} losses"
            )
        return self

    @property
    def text_windows(self) -> int:
        """How many windows the whole text's ratio is of."""
        return self.protocol.windows

    @property
    def exceeds(self) -> dict[float, bool | None]:
        """By factor, whether it is exceeded."""
        return {one.factor: one.exceeds for one in self.verdicts}

    @property
    def words(self) -> str:
        """`above 1.1x, below 10x, 2x open`."""
        said = {True: "above {:g}x", False: "below {:g}x", None: "{:g}x open"}
        return ", ".join(said[one.exceeds].format(one.factor) for one in self.verdicts)


class Speed(Part):
    """Tokens a second over the repeats; `values` are the repeats in the order they ran, in so many `blocks` of equal
    length that lie apart in time."""

    median: Positive
    quartiles: tuple[Positive, Positive]
    p99: Positive
    repeats: Some
    values: Annotated[tuple[Positive, ...], Field(min_length=1)]
    blocks: Some = 1

    @model_validator(mode="after")
    def _of_equal_length(self) -> Speed:
        if len(self.values) % self.blocks:
            raise ValueError(f"{len(self.values)} repeats are not {self.blocks} blocks of equal length")
        return self


class Telemetry(Part):
    """What the GPU's own instruments say of the timed repeats: clocks in MHz, power in W, temperature in Celsius.

    `energy_j_per_token` comes from the board's energy counter, over every token read and written; None where the
    board has none. All are the mean (energy: the sum) over the GPUs the model lies on.
    """

    sm_clock_mhz: Amount
    power_w: Amount
    temperature_c: Annotated[float, Field(ge=-273.15, le=1e150)]
    energy_j_per_token: Amount | None


class Sample(Part):
    prompt: str
    text: str


class Captured(Part):
    """Greedy generation with a cache of fixed size, the pass of a token a captured CUDA graph: how fast the GPU goes
    when it does not wait for the host. `why_not` says why that could not be; the speeds are None then."""

    why_not: str | None = None
    prefill_tokens_per_s: Speed | None = None
    decode_tokens_per_s: Speed | None = None
    dense_decode_tokens_per_s: Speed | None = None  # as in `Generation`


class Generation(Part):
    """Greedy generation by a plain loop, whose cache grows; `captured` is the same prompt continued by graphs.

    `dense_decode_tokens_per_s`: the dense model's own, timed right before the pruned model and again right after, so
    that a machine that slows down or wakes up in the course of a study does not pass for an effect of pruning; None in
    the dense model's record. The prompts were continued in a batch; so many of them were `also_alone`, and so many of
    these `differing`: alone, they got other tokens. Both are 0 in records from before this was counted.
    """

    prefill_tokens_per_s: Speed
    decode_tokens_per_s: Speed
    dense_decode_tokens_per_s: Speed | None = None
    captured: Captured | None = None  # None on a processor, and in records from before it was measured
    gpu_telemetry: Telemetry | None = Field(  # None on a processor
        default=None, validation_alias=AliasChoices("gpu_telemetry", "board")
    )
    prompts: Count
    new_tokens: Count
    also_alone: Count = 0
    differing: Count = 0
    samples: tuple[Sample, ...] = ()


class Memory(Part):
    """What the weights take, and the peaks while the perplexity was evaluated and while text was generated (rule 18).

    On the host the evaluation's peak holds the dense model's hidden states, which the divergence is computed from.
    """

    weights_bytes: Some
    evaluation: Peaks | None = None
    generation: Peaks | None = None

    @property
    def peak_bytes(self) -> int | None:
        return max((p.bytes for p in (self.evaluation, self.generation) if p and p.bytes is not None), default=None)


class SemiStructured(Part):
    """What the hardware's 2:4 kernels make of the pruned layers; the record's other sections are of dense kernels.

    `why_not` says why they did not run; the numbers are None then, or where they were not asked for. Speeds are the
    same model's on the same device, dense kernels timed right before and right after.
    """

    why_not: str | None = None
    layers: Count = 0
    kernel: str | None = None
    weights_bytes: Count | None = None
    perplexity: Positive | None = None
    evaluation_seconds: Amount | None = None
    dense_kernel_evaluation_seconds: Amount | None = None
    prefill_tokens_per_s: Speed | None = None
    decode_tokens_per_s: Speed | None = None
    dense_kernel_decode_tokens_per_s: Speed | None = None
    captured: Captured | None = None  # as in `Generation`, the dense kernels' own beside
    peaks: Peaks | None = None


class Along(Part):
    """A place along a recovery: tokens seen, the mean training loss since the place before (None at the start), and the
    perplexity of the evaluation text there."""

    tokens: Count
    loss: Nats | None
    perplexity: Positive


class Recovered(Part):
    """A fine-tuning with the mask held. `mask_digest` is of the weights that are not zero once it is saved; the mask
    was checked after every step."""

    tokens: Some
    steps: Some
    course: Annotated[tuple[Along, ...], Field(min_length=1)]
    mask_digest: str
    seconds: Amount
    peaks: Peaks | None = None


class Size(Part):
    """Bytes of a file of the model in the checkpoint's own dtype, written and read back (rule 19).

    `dense_bytes`: every tensor whole. `compressed_bytes`: each pruned tensor as a bitmap and its surviving values.
    """

    dense_bytes: Some
    compressed_bytes: Some


class Coherence(Part):
    """Rule 20: what the verdict rests on, and the dense model's own values beside it."""

    verdict: Literal["coherent", "degraded", "incoherent"]
    repeated_4grams: Share
    distinct_2: Share
    judge_perplexity: Positive
    dense_repeated_4grams: Share
    dense_distinct_2: Share
    dense_judge_perplexity: Positive
    faults: Count | None = None  # samples that a parser of the text's grammar rejects
    samples: Some


class PluginUse(Part):
    """A part of an experiment that another package brought: its `kind` and `name`, and that package."""

    kind: Literal["criterion", "text", "model"]
    name: Annotated[str, Field(pattern=NAME)]
    distribution: Annotated[str, Field(pattern=DISTRIBUTION)]
    version: Annotated[str, Field(pattern=VERSION)]

    @property
    def words(self) -> str:
        """`criterion theirs of lottery-theirs 1.0`."""
        return f"{self.kind} {self.name} of {self.distribution} {self.version}"


class Environment(Part):
    suite_version: str
    commit: str | None
    image_digest: str | None
    hardware: str
    device: str
    driver: str | None
    threads: Count
    memory_bytes: Count
    system: str
    libraries: dict[str, str]
    device_map: str
    dtype: str
    dtype_reason: str
    attention: str
    started: str
    seconds: Amount
    plugins: Annotated[tuple[PluginUse, ...], Field(exclude_if=lambda used: not used)] = ()

    @property
    def plugin_words(self) -> str | None:
        return "; ".join(used.words for used in self.plugins) or None


_PASSING = re.compile(r"seconds|peaks|gpu_telemetry|captured|memory|environment|parallel|seal|.*_(seconds|per_s)")


def _lasting(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lasting(one) for key, one in value.items() if not _PASSING.fullmatch(key)}
    return [_lasting(one) for one in value] if isinstance(value, list) else value


class Record(Part):
    """One experiment's record, `results/<study>/<id>.json`.

    A failed experiment's holds `error`, and what was measured before it failed: evidence, never a result.
    """

    schema_: str = SCHEMA
    id: str
    status: Literal["done", "failed"]
    error: str | None = None
    experiment: Experiment
    model: ModelSummary
    pruning: Pruning | None = None
    recovered: Recovered | None = None
    quantisation: Quantisation | None = None
    perplexity: Perplexity | None = None
    sequential: SequentialTest | None = None
    generation: Generation | None = None
    memory: Memory | None = None
    size: Size | None = None
    semi_structured: SemiStructured | None = None
    coherence: Coherence | None = None
    training: Trained | None = None
    environment: Environment
    seal: str = ""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        alias_generator=lambda name: "schema" if name == "schema_" else name,
        populate_by_name=True,
    )

    def reproducible(self) -> dict[str, Any]:
        """What two runs of one experiment must agree on, as JSON: all but times, speeds, measured memory and energy,
        and the environment they were measured in."""
        return cast(dict[str, Any], _lasting(self.model_dump(mode="json", by_alias=True)))

    def sealed(self) -> Record:
        """The record with its checksum: an edit by hand shows."""
        return self.model_copy(update={"seal": digest(self.model_dump(mode="json", by_alias=True, exclude={"seal"}))})

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"
