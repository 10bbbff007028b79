"""The record's schema: the interface to everything after the run.

Units: seconds, bytes, tokens; losses in nats a token. A field that was not measured is `None`, never an estimate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SCHEMA = "lottery-record/1"
PROTOCOL = "lottery-protocol/1"  # changes when a rule of measurement does, and with it every experiment's id

Criterion = Literal["none", "magnitude", "random"]
Scope = Literal["tensor", "row", "global"]
Tied = Literal["untie", "both", "skip"]
Measure = Literal["perplexity", "generation", "memory", "coherence"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class TextReference(_Part):
    """A text, named and pinned: `revision` is a commit of the hub, or `sha256:...` of a local text."""

    name: str
    revision: str
    join: str


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
    calibration: None = None
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
    """`value` = exp(mean NLL of the predicted tokens); the references are rule 16's."""

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
    """Tokens a second over the repeats."""

    median: float
    quartiles: tuple[float, float]
    p99: float
    repeats: int


class Sample(_Part):
    prompt: str
    text: str


class Generation(_Part):
    prefill_tokens_per_s: Speed
    decode_tokens_per_s: Speed
    energy: float | None = None  # joules a token, from the board's own counter
    prompts: int
    new_tokens: int
    samples: tuple[Sample, ...] = ()


class Memory(_Part):
    """Bytes. `peak_rss_bytes` is the process's peak during this experiment where the system lets it be reset."""

    weights_bytes: int
    peak_allocated_bytes: int | None = None
    peak_reserved_bytes: int | None = None
    peak_rss_bytes: int | None = None
    compressed_bytes: int | None = None


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
    """One experiment's record, `results/<study>/<id>.json`."""

    schema_: str = SCHEMA
    id: str
    status: Literal["done", "failed"]
    error: str | None = None
    experiment: Experiment
    pruning: Pruning | None = None
    perplexity: Perplexity | None = None
    generation: Generation | None = None
    memory: Memory | None = None
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
        return self.model_copy(update={"seal": self._checksum()})

    def intact(self) -> bool:
        """Whether the seal, the id and the content belong together."""
        return self.seal == self._checksum() and self.id == self.experiment.id

    def _checksum(self) -> str:
        return digest(self.model_dump(mode="json", by_alias=True, exclude={"seal"}))

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces, shortest floats), in hexadecimal."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
