"""The record's schema: the interface to everything after the run.

Units: seconds, bytes, tokens; losses in nats a token. A field that was not measured is `None`, never an estimate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA = "lottery-record/2"
PROTOCOL = "lottery-protocol/1"  # changes when a rule of measurement does, and with it every experiment's id

Criterion = Literal["none", "magnitude", "random", "wanda", "sparsegpt"]
Scope = Literal["tensor", "row", "global", "published"]
Tied = Literal["untie", "both", "skip"]
Measure = Literal["perplexity", "generation", "memory", "size", "coherence"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class TextReference(_Part):
    """A text, named and pinned: `revision` is a commit of the hub, or `sha256:...` of a local text."""

    name: str
    revision: str
    join: str


class Calibration(_Part):
    """What a criterion that looks at activations is shown: `samples` windows of `context` tokens of a text, which begin
    at places drawn by Python's generator from `seed`."""

    text: TextReference
    samples: int
    context: int
    seed: int


class Experiment(_Part):
    """One fully resolved cell of a study: what was asked for, and nothing of the machine that answers.

    `sparsity` is the share of the target's weights to remove (0.0 for the dense baseline); where a `budget` (a share
    of the block weights) was asked for, it is the sparsity that follows from it. `layers` is None for every layer;
    `part` is None unless parts were chosen freely, and then `target` is None.
    """

    model: str
    revision: str
    criterion: Criterion
    target: str | None = None
    part: tuple[str, ...] | None = None
    layers: str | None = None
    scope: Scope = "tensor"
    allocation: Literal["uniform"] = "uniform"
    pattern: None = None
    sparsity: float = 0.0
    budget: float | None = None
    precision: Precision = "auto"
    tied: Tied = "untie"
    text: TextReference
    context: int
    calibration: Calibration | None = None
    seed: int | None = None
    measure: tuple[Measure, ...] = ("perplexity",)

    @property
    def dense(self) -> bool:
        return self.criterion == "none"

    @property
    def what(self) -> str:
        """The pruned weights in a few words: `attention`, or `q+down, layers 0-7`."""
        name = self.target or "+".join(self.part or ())
        return ", ".join(filter(None, [name, self.layers and f"layers {self.layers}"])) if name else "dense"

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON of the experiment and the protocol's version; 64 hexadecimal digits."""
        return digest({"protocol": PROTOCOL, **self.model_dump(mode="json")})


class ModelSummary(_Part):
    """What the model is: its class, and how many of its parameters are linear weights of its blocks."""

    architecture: str
    parameters: int
    block_weights: int
    layers: int
    tied: bool


class TensorCount(_Part):
    """What was removed from one tensor; `zeros_before` were zero in the checkpoint already."""

    weights: int
    zeros: int
    zeros_before: int


class Pruning(_Part):
    """What was achieved (protocol rule 4).

    `achieved_sparsity` is zeros over weights of the target. `compression_ratio` is the model's original parameters
    over those that remain (the private copy of an untied table among them), and `model_sparsity` one minus its
    inverse. `theoretical_speedup` is the multiply-adds of the dense linear layers for one token over those whose
    weight is not zero.
    """

    mask_digest: str
    zeros: int
    weights: int
    layers: int
    achieved_sparsity: float
    model_sparsity: float
    per_tensor: dict[str, TensorCount]
    compression_ratio: float
    theoretical_speedup: float
    untied_bytes: int = 0  # the private copy a tied tensor needed, in the dtype of the run
    seconds: float


class Interval(_Part):
    low: float
    high: float
    level: float = 0.95


class Protocol(_Part):
    """Everything that could make two perplexities differ (rule 12)."""

    name: str
    text: str
    text_sha256: str
    text_bytes: int
    join: str
    tokenizer_sha256: str
    bos: bool
    context: int
    stride: int
    windows: int
    batch_size: int
    attention: str
    dtype: str
    stored_dtype: str


class Perplexity(_Part):
    """`value` = exp(mean NLL of the predicted tokens); the references are rule 16's.

    `agreement` is the share of predicted tokens at which the model's first choice is the dense model's, `kl` the mean
    KL(dense || this model) in nats a token (rule 13).
    """

    value: float
    nll_per_window: tuple[float, ...]
    bits_per_byte: float
    ratio_to_dense: float
    interval: Interval | None = None
    agreement: float | None = None
    kl: float | None = None
    floor: float | None = None  # the text's own grammar on the same tokens, as a perplexity
    whole: float | None = None  # perplexity of the tokens whose story begins in their window
    whole_floor: float | None = None
    by_kind: dict[str, float] | None = None  # of those tokens: mean NLL by kind, nats
    floor_by_kind: dict[str, float] | None = None
    uniform: float
    unigram: float
    tokens: int
    windows: int
    protocol: Protocol


class Speed(_Part):
    """Tokens a second over the repeats; `values` are the repeats in the order they ran, in so many `blocks` of equal
    length that lie apart in time."""

    median: float
    quartiles: tuple[float, float]
    p99: float
    repeats: int
    values: tuple[float, ...]
    blocks: int = 1


class Board(_Part):
    """What the GPU's own instruments say of the timed repeats: clocks in MHz, power in W, temperature in Celsius.

    `energy_j_per_token` comes from the board's energy counter, over every token read and written; None where the
    board has none. All are the mean (energy: the sum) over the GPUs the model lies on.
    """

    sm_clock_mhz: float
    power_w: float
    temperature_c: float
    energy_j_per_token: float | None


class Sample(_Part):
    prompt: str
    text: str


class Generation(_Part):
    """Greedy generation. `dense_decode_tokens_per_s`: the dense model's own, timed right before the pruned model and
    again right after, so that a machine that slows down or wakes up in the course of a study does not pass for an
    effect of pruning; None in the dense model's record."""

    prefill_tokens_per_s: Speed
    decode_tokens_per_s: Speed
    dense_decode_tokens_per_s: Speed | None = None
    board: Board | None = None  # None on a processor
    prompts: int
    new_tokens: int
    samples: tuple[Sample, ...] = ()


class Peaks(_Part):
    """Bytes at most: what the framework allocated and reserved on the GPUs, or the process's resident set on the host
    (None where the system does not let it be reset)."""

    allocated_bytes: int | None = None
    reserved_bytes: int | None = None
    rss_bytes: int | None = None

    @property
    def bytes(self) -> int | None:
        return self.allocated_bytes if self.allocated_bytes is not None else self.rss_bytes


class Memory(_Part):
    """What the weights take, and the peaks while the perplexity was evaluated and while text was generated (rule 18).

    On the host the evaluation's peak holds the dense model's hidden states, which the divergence is computed from.
    """

    weights_bytes: int
    evaluation: Peaks | None = None
    generation: Peaks | None = None

    @property
    def peak_bytes(self) -> int | None:
        return max((p.bytes for p in (self.evaluation, self.generation) if p and p.bytes is not None), default=None)


class Size(_Part):
    """Bytes of a file of the model in the checkpoint's own dtype, written and read back (rule 19).

    `dense_bytes`: every tensor whole. `compressed_bytes`: each pruned tensor as a bitmap and its surviving values.
    """

    dense_bytes: int
    compressed_bytes: int


class Coherence(_Part):
    """Rule 20: what the verdict rests on, and the dense model's own values beside it."""

    verdict: Literal["coherent", "degraded", "incoherent"]
    repeated_4grams: float
    distinct_2: float
    judge_perplexity: float
    dense_repeated_4grams: float
    dense_distinct_2: float
    dense_judge_perplexity: float
    faults: int | None = None  # samples that a parser of the text's grammar rejects
    samples: int


class Environment(_Part):
    suite_version: str
    commit: str | None
    image_digest: str | None
    hardware: str
    device: str
    driver: str | None
    threads: int
    memory_bytes: int
    system: str
    libraries: dict[str, str]
    device_map: str
    dtype: str
    dtype_reason: str
    attention: str
    started: str
    seconds: float


class Record(_Part):
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
    perplexity: Perplexity | None = None
    generation: Generation | None = None
    memory: Memory | None = None
    size: Size | None = None
    coherence: Coherence | None = None
    training: None = None
    environment: Environment
    seal: str = ""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        alias_generator=lambda name: "schema" if name == "schema_" else name,
        populate_by_name=True,
    )

    def sealed(self) -> Record:
        """The record with its checksum: an edit by hand shows."""
        return self.model_copy(update={"seal": digest(self.model_dump(mode="json", by_alias=True, exclude={"seal"}))})

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces, shortest floats), in hexadecimal."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
