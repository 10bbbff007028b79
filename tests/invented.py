"""A record that no model made: every number follows from its cell, so that it repeats."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from suite.evaluation.interval import ratio_interval
from suite.records.experiment import Calibration, Experiment, Measure, Recovery, TextReference, digest
from suite.records.peaks import Peaks
from suite.records.schema import (
    Along,
    Coherence,
    Environment,
    Generation,
    Memory,
    ModelSummary,
    Perplexity,
    Protocol,
    Pruning,
    Quantisation,
    Record,
    Recovered,
    Sample,
    SemiStructured,
    Size,
    Speed,
    Telemetry,
)

DENSE = 1.47
FLOOR = 1.45
VOCABULARY = 180
WINDOWS = 60
TEXT = TextReference(name="stories", revision="sha256:" + "5" * 64, join="\n")
PROTOCOL = Protocol(
    name="lottery-protocol/1",
    text=TEXT.name,
    text_sha256="5" * 64,
    text_bytes=71_000,
    join=TEXT.join,
    tokenizer_sha256="7" * 64,
    bos=False,
    context=256,
    stride=256,
    windows=WINDOWS,
    batch_size=1,
    attention="sdpa",
    dtype="float32",
    stored_dtype="float16",
    softmax="float64",
)
STORY = "a brave baker. Every morning she took her bread from the bakery to the river. There she met Hugo, who had a"
WRECK = "the the river the took a a the had the. . the brave the the a took the the river of of of the the"
KNEE = {"attention": 0.62, "mlp": 0.66, "early": 0.58, "late": 0.85, "embeddings": 0.8, "lm_head": 0.7}
SHIFT = {"story-mistral-small": -0.06, "story-mistral-large": 0.05, "story-qwen": 0.03, "story-phi": -0.03}  # of it
SHARE = {"all": 1.05, "attention": 0.25, "mlp": 0.75, "early": 0.5, "late": 0.5, "embeddings": 0.05, "lm_head": 0.05}
WEIGHT = {"attention": 4.0, "mlp": 1.0, "early": 2.5, "late": 0.8, "blocks": 1.0}
DIFFICULTY = {"recall": 1.6, "fact": 0.9, "agreement": 0.35, "free": 0.2}
STRESS = {"attention": {"recall": 2.0, "fact": 0.6}, "mlp": {"recall": 0.8, "fact": 2.2}}  # times the difficulty
SIZES = {"story-mistral-small": 0.25, "story-mistral-large": 2.25, "story-phi": 0.9}
MEASURES: tuple[Measure, ...] = ("perplexity", "generation", "memory", "size", "coherence")
GRASP = {"wanda": 0.04, "sparsegpt": 0.08}  # how much later a criterion that looks at activations breaks a model
EFFORT = {"magnitude": 0.02, "random": 0.03, "wanda": 1.5, "sparsegpt": 12.0}  # seconds
HELD = {"wanda": 1.2, "sparsegpt": 1.7}  # peak memory over that of pruning by what a file says
ROUNDED = 1.012  # what rounding to 8 bits does to perplexity
CALIBRATION = Calibration(text=TEXT, samples=128, context=256, seed=0)
NOISE = 0.04  # nats by which a pruned model's windows stray from the dense model's, each its own way


def harm(what: str, sparsity: float, criterion: str = "magnitude", model: str = "story-mistral") -> float:
    """A cliff: the ratio to dense, flat at first and then steep."""
    later = SHIFT.get(model, 0.0) + GRASP.get(criterion, 0.0)
    steep, knee = (40.0, 0.05) if criterion == "random" else (9.0, KNEE.get(what, 0.62) + later)
    return 1.0 + 0.004 * sparsity + 0.55 * math.exp(min(steep * (sparsity - knee), 4.2))


def experiment(**changes: Any) -> Experiment:
    """A cell of the study; unpruned unless a target or a part is given."""
    given = {"model": "story-mistral", "revision": "sha256:" + "1" * 64, "text": TEXT, "context": 256} | changes
    given.setdefault("criterion", "magnitude" if given.get("target") or given.get("part") else "none")
    if given["criterion"] in GRASP or given.get("allocation") == "owl":
        given.setdefault("calibration", CALIBRATION)
    return Experiment(**{"measure": MEASURES, **given})


def record(ratio: float | None = None, error: str | None = None, noise: float = NOISE, **changes: Any) -> Record:
    """A sealed record of one cell; `error` makes it a failed one. Numbers follow from the cell, so they repeat.

    Args:
        noise: how far its windows stray from the dense model's, nats; it makes the intervals.
    """
    cell = experiment(**changes)
    environment = _environment()
    if error is not None:
        return Record(
            id=cell.id, status="failed", error=error, experiment=cell, model=_model(cell.model), environment=environment
        ).sealed()
    draw = Random(cell.id)
    if ratio is None:
        ratio = 1.0 if cell.unpruned else harm(cell.target or "all", cell.sparsity, cell.criterion, cell.model)
        ratio *= ROUNDED if cell.precision.startswith("float8") else 1.0
    sections = {
        "perplexity": _perplexity(cell, ratio, 0.0 if cell.dense else noise),
        "generation": _generation(ratio, draw),
        "memory": Memory(weights_bytes=6_500_000, evaluation=Peaks(rss_bytes=910_000_000)),
        "size": Size(dense_bytes=3_400_000, compressed_bytes=round(3_400_000 * (1.06 - 0.94 * cell.sparsity))),
        "coherence": _coherence(ratio),
    }
    return Record(
        id=cell.id,
        status="done",
        experiment=cell,
        model=_model(cell.model),
        pruning=None if cell.unpruned else _pruning(cell),
        recovered=_recovered(cell, cell.recovery, ratio) if cell.recovery else None,
        quantisation=_quantisation(cell) if cell.precision.startswith("float8") else None,
        semi_structured=SemiStructured(why_not="no GPU") if cell.pattern == "2:4" else None,
        environment=environment,
        **{name: section for name, section in sections.items() if name in cell.measure},
    ).sealed()


def dequantised(**changes: Any) -> Record:
    """The same of a model that was read from a GGUF file, evaluated on some of the text's windows."""
    found = record(**{"model": "smollm", "windows": WINDOWS, **changes})
    summary = found.model.model_copy(update={"quantisation": "Q4_1", "file_format": "gguf", "licence": "Apache-2.0"})
    assert found.perplexity is not None
    protocol = found.perplexity.protocol.model_copy(update={"text_windows": 4 * WINDOWS, "softmax": "float64"})
    quality = found.perplexity.model_copy(update={"protocol": protocol})
    return found.model_copy(update={"model": summary, "perplexity": quality}).sealed()


def timed(median: float, width: float) -> Speed:
    """Five repeats around a median, tokens a second."""
    values = (median, median - width, median + width, median - width / 2, median + width / 2)
    quartiles = (median - width / 2, median + width / 2)
    return Speed(median=median, quartiles=quartiles, p99=median + width, repeats=5, values=values)


def with_speed(found: Record, speed: Speed, hardware: str = "one machine", board: Telemetry | None = None) -> Record:
    """The record with its decode speed, and the machine and the instruments it was read on."""
    assert found.generation is not None
    generation = found.generation.model_copy(update={"decode_tokens_per_s": speed, "gpu_telemetry": board})
    environment = found.environment.model_copy(update={"hardware": hardware})
    return found.model_copy(update={"generation": generation, "environment": environment})


def _model(name: str) -> ModelSummary:
    architecture = name.split("-")[1].title() if "-" in name else name.title()
    blocks = int(1_600_000 * SIZES.get(name, 1.0))
    return ModelSummary(
        architecture=architecture,
        parameters=blocks + (50_000 if name.endswith("-tied") else 100_000),
        block_weights=blocks,
        layers=8,
        tied=name.endswith("-tied"),
    )


def _by_kind(cell: Experiment, ratio: float, floors: dict[str, float]) -> dict[str, float]:
    """Mean losses: each model errs its own way, and what a part is needed for suffers when that part goes."""
    own, stress = Random(f"{cell.model} {cell.seed}"), STRESS.get(cell.target or "", {})
    harms = {kind: DIFFICULTY[kind] * stress.get(kind, 1.0) * own.uniform(0.8, 1.2) for kind in DIFFICULTY}
    return {kind: floors[kind] + 0.01 + harms[kind] * math.log(ratio) for kind in DIFFICULTY}


def _windows(cell: Experiment, loss: float, noise: float) -> tuple[float, ...]:
    """Every window's loss: what the text makes of it, and the cell's own noise, which leaves the mean where it is."""
    draw = Random(f"windows {cell.id}")
    own = [draw.gauss(0.0, noise) for _ in range(WINDOWS)]
    text = [0.1 * math.sin(i) for i in range(WINDOWS)]
    middle = sum(own + text) / WINDOWS
    return tuple(loss + a + b - middle for a, b in zip(own, text, strict=True))


def _perplexity(cell: Experiment, ratio: float, noise: float) -> Perplexity:
    value = DENSE * ratio
    loss = math.log(value)
    floors = {kind: 0.05 if kind != "free" else 1.9 for kind in DIFFICULTY}
    windows = _windows(cell, loss, noise)
    return Perplexity(
        value=value,
        nll_per_window=windows,
        bits_per_byte=loss / 4.4,
        ratio_to_dense=ratio,
        interval=None if cell.dense else ratio_interval(windows, _windows(cell, math.log(DENSE), 0.0)),
        agreement=min(1 / ratio, 1.0),
        kl=math.log(ratio) * 1.1,
        floor=FLOOR,
        by_kind=_by_kind(cell, ratio, floors),
        floor_by_kind=floors,
        uniform=float(VOCABULARY),
        unigram=62.0,
        tokens=15_300,
        windows=WINDOWS,
        protocol=PROTOCOL.model_copy(update={"context": cell.context, "stride": cell.context}),
    )


def _pruning(cell: Experiment) -> Pruning:
    model = _model(cell.model)
    weights = round(model.block_weights * SHARE.get(cell.target or "", 1.0))
    zeros = round(cell.sparsity * weights)
    return Pruning(
        mask_digest=digest({"mask": cell.id}),
        zeros=zeros,
        weights=weights,
        layers=57,
        achieved_sparsity=zeros / weights,
        model_sparsity=zeros / model.parameters,
        per_tensor={},
        compression_ratio=model.parameters / max(model.parameters - zeros, 1),
        theoretical_speedup=1 / max(1 - cell.sparsity, 0.01),
        seconds=EFFORT.get(cell.criterion, 3.0),
        peaks=Peaks(rss_bytes=round(700_000_000 * HELD.get(cell.criterion, 1.0))),
    )


def recovery(tokens: int = 500_000) -> Recovery:
    return Recovery(text=TEXT, tokens=tokens, context=256, batch=8, learning_rate=1e-4, seed=0)


def _recovered(cell: Experiment, asked: Recovery, ratio: float) -> Recovered:
    """Most of what was lost comes back early."""
    before = harm(cell.target, cell.sparsity, cell.criterion, cell.model) if cell.target else 1.0
    shares = {0.0: 0.0, 0.25: 0.7, 0.5: 0.9, 1.0: 1.0}
    course = tuple(
        Along(
            tokens=round(at * asked.tokens),
            loss=None if at == 0 else math.log(DENSE * ratio) + 0.1 * (1 - done),
            perplexity=DENSE * before * (ratio / before) ** done,
        )
        for at, done in shares.items()
    )
    steps = max(asked.tokens // (asked.batch * asked.context), 1)
    return Recovered(
        tokens=asked.tokens,
        steps=steps,
        course=course,
        mask_digest=digest({"mask": cell.id}),
        seconds=40.0,
        peaks=Peaks(rss_bytes=1_500_000_000),
    )


def _quantisation(cell: Experiment) -> Quantisation:
    weights = _model(cell.model).block_weights
    zeros = round(cell.sparsity * weights)
    return Quantisation(
        format=cell.precision,
        digest="8" * 64,
        tensors=56,
        weights=weights,
        zeros_before=zeros,
        zeros=zeros + weights // 500,
        relative_error=0.026,
        bytes=weights + 4_000,
        seconds=0.1,
    )


def _generation(ratio: float, draw: Random) -> Generation:
    median = 310.0 + draw.uniform(-2, 2)
    values = (median, median - 1.5, median + 3, median + 1.5, median - 3)
    decode = Speed(median=median, quartiles=(median - 1.5, median + 1.5), p99=median + 3, repeats=5, values=values)
    prefill = Speed(median=9000.0, quartiles=(8900.0, 9100.0), p99=9200.0, repeats=5, values=(9000.0,) * 5)
    text = STORY if ratio < 1.3 else WRECK
    samples = (Sample(prompt="Anna was", text=text), Sample(prompt="Hugo was", text=text))
    return Generation(
        prefill_tokens_per_s=prefill, decode_tokens_per_s=decode, prompts=32, new_tokens=50, samples=samples
    )


def _coherence(ratio: float) -> Coherence:
    return Coherence(
        verdict="coherent" if ratio < 1.2 else "degraded" if ratio < 2 else "incoherent",
        repeated_4grams=min(0.02 * ratio, 1.0),
        distinct_2=0.7,
        judge_perplexity=1.5 * ratio,
        dense_repeated_4grams=0.02,
        dense_distinct_2=0.7,
        dense_judge_perplexity=1.5,
        faults=0 if ratio < 1.2 else 21,
        samples=32,
    )


def _environment() -> Environment:
    return Environment(
        suite_version="0.1.0",
        commit="c0ffee" + "0" * 34,
        image_digest=None,
        hardware="2 cores of a synthetic processor",
        device="cpu",
        driver=None,
        threads=2,
        memory_bytes=8_000_000_000,
        system="Linux",
        libraries={"torch": "2.13.0", "transformers": "5.23.0", "numpy": "2.1.0"},
        device_map="cpu",
        dtype="float32",
        dtype_reason="the processor computes in float32",
        attention="sdpa",
        started="2026-11-01T12:00:00+00:00",
        seconds=2.5,
    )
