"""Records that no model made: the report's tests need every shape a study can have, at once and in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Any

from suite.records.schema import (
    Coherence,
    Environment,
    Experiment,
    Generation,
    Interval,
    Memory,
    Perplexity,
    Protocol,
    Pruning,
    Record,
    Sample,
    Speed,
    TextReference,
    digest,
)

DENSE = 1.47
FLOOR = 1.45
VOCABULARY = 180
WINDOWS = 60
TEXT = TextReference(name="stories", revision="sha256:" + "5" * 64, join="\n")
MODELS = (
    "story-mistral",
    "story-mistral-small",
    "story-mistral-large",
    "story-qwen",
    "story-qwen-tied",
    "story-llama",
    "story-phi",
)
STORY = "a brave baker. Every morning she took her bread from the bakery to the river. There she met Hugo, who had a"
WRECK = "the the river the took a a the had the. . the brave the the a took the the river of of of the the"
KNEE = {"attention": 0.62, "mlp": 0.66, "early": 0.58, "late": 0.85, "embeddings": 0.8, "lm_head": 0.7}
WEIGHT = {"attention": 4.0, "mlp": 1.0, "early": 2.5, "late": 0.8, "blocks": 1.0}
DIFFICULTY = {"recall": 1.6, "fact": 0.9, "agreement": 0.35, "free": 0.2}


def harm(what: str, sparsity: float, criterion: str = "magnitude") -> float:
    """A cliff: the ratio to dense, flat at first and then steep."""
    steep, knee = (40.0, 0.05) if criterion == "random" else (9.0, KNEE.get(what, 0.62))
    return 1.0 + 0.004 * sparsity + 0.55 * math.exp(min(steep * (sparsity - knee), 4.2))


def experiment(**changes: Any) -> Experiment:
    """A cell of the study; dense unless a target is given."""
    given = {"model": "story-mistral", "revision": "sha256:" + "1" * 64, "text": TEXT, "context": 256} | changes
    given.setdefault("criterion", "magnitude" if given.get("target") else "none")
    return Experiment(measure=("perplexity", "generation", "memory", "coherence"), **given)


def record(ratio: float | None = None, error: str | None = None, **changes: Any) -> Record:
    """A sealed record of one cell; `error` makes it a failed one. Numbers follow from the cell, so they repeat."""
    cell = experiment(**changes)
    environment = _environment()
    if error is not None:
        return Record(id=cell.id, status="failed", error=error, experiment=cell, environment=environment).sealed()
    draw = Random(cell.id)
    if ratio is None:
        ratio = 1.0 if cell.dense else harm(cell.target or "all", cell.sparsity, cell.criterion)
    return Record(
        id=cell.id,
        status="done",
        experiment=cell,
        pruning=None if cell.dense else _pruning(cell),
        perplexity=_perplexity(cell, ratio),
        generation=_generation(ratio, draw),
        memory=Memory(weights_bytes=6_500_000, peak_rss_bytes=910_000_000, compressed_bytes=4_100_000),
        coherence=_coherence(ratio),
        environment=environment,
    ).sealed()


def phase1() -> list[Record]:
    """One model, one short curve."""
    cells = [record(target="all", sparsity=s) for s in (0.5, 0.7, 0.9)]
    return [record(), *cells]


def embedded() -> list[Record]:
    """All three phases in miniature, as `manifests/embedded.yaml` asks for them."""
    return list(_embedded())


def _embedded() -> Iterator[Record]:
    yield record()
    for s in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        yield record(target="all", sparsity=s)
    for s in (0.01, 0.02, 0.05, 0.1, 0.2):
        for seed in (0, 1, 2):
            yield record(target="all", sparsity=s, criterion="random", seed=seed)
    for target in ("attention", "mlp", "early", "late"):
        for s in (0.3, 0.5, 0.7):
            yield record(target=target, sparsity=s)
    yield record(target="blocks", sparsity=0.5)
    yield record(target="embeddings", sparsity=0.3)
    yield record(target="lm_head", sparsity=0.3)
    yield record(target="attention", sparsity=0.9)
    yield record(target="mlp", sparsity=0.9, error="a logit is not finite in window 12; the model is not usable")
    for index, model in enumerate(MODELS):
        if index:
            yield record(model=model)
        if index:
            yield record(model=model, target="blocks", sparsity=0.5, ratio=1.05 + 0.03 * index)
        for target in ("attention", "mlp", "early", "late") + (() if index else ("blocks",)):
            lost = (
                1.0
                + 0.02 * (1 + index % 3) * {"attention": 4, "mlp": 1, "early": 2.5, "late": 0.8, "blocks": 1}[target]
            )
            yield record(model=model, target=target, sparsity=0.4, budget=0.2, ratio=lost)


def _perplexity(cell: Experiment, ratio: float) -> Perplexity:
    value = DENSE * ratio
    loss = math.log(value)
    spread = 0.012 * ratio
    floors = {kind: 0.05 if kind != "free" else 1.9 for kind in DIFFICULTY}
    return Perplexity(
        value=value,
        nll_per_window=tuple(loss + 0.01 * math.sin(i) for i in range(WINDOWS)),
        bits_per_byte=loss / 4.4,
        ratio_to_dense=ratio,
        interval=None if cell.dense else Interval(low=ratio - spread, high=ratio + spread),
        agreement=1 / ratio,
        kl=math.log(ratio) * 1.1,
        floor=FLOOR,
        by_kind={kind: floors[kind] + 0.01 + share * math.log(ratio) for kind, share in DIFFICULTY.items()},
        floor_by_kind=floors,
        uniform=float(VOCABULARY),
        unigram=62.0,
        tokens=15_300,
        windows=WINDOWS,
        protocol=Protocol(
            name="lottery-protocol/1",
            text=TEXT.name,
            text_sha256="5" * 64,
            text_bytes=71_000,
            join=TEXT.join,
            tokenizer_sha256="7" * 64,
            bos=False,
            context=cell.context,
            stride=cell.context,
            windows=WINDOWS,
            batch_size=1,
            attention="sdpa",
            dtype="float32",
            stored_dtype="float16",
        ),
    )


def _pruning(cell: Experiment) -> Pruning:
    weights = 1_600_000
    zeros = round(cell.sparsity * weights)
    return Pruning(
        mask_digest=digest({"mask": cell.id}),
        zeros=zeros,
        weights=weights,
        layers=57,
        achieved_sparsity=zeros / weights,
        model_sparsity=zeros / 1_700_000,
        per_tensor={},
        compression_ratio=1_700_000 / (1_700_000 - zeros),
        theoretical_speedup=1 / (1 - cell.sparsity),
        seconds=0.02,
    )


def _generation(ratio: float, draw: Random) -> Generation:
    median = 310.0 + draw.uniform(-6, 6)
    decode = Speed(median=median, quartiles=(median - 4, median + 5), p99=median + 9, repeats=5)
    prefill = Speed(median=9000.0, quartiles=(8900.0, 9100.0), p99=9200.0, repeats=5)
    text = STORY if ratio < 1.3 else WRECK
    samples = (Sample(prompt="Anna was", text=text), Sample(prompt="Hugo was", text=text))
    return Generation(
        prefill_tokens_per_s=prefill, decode_tokens_per_s=decode, prompts=32, new_tokens=50, samples=samples
    )


def _coherence(ratio: float) -> Coherence:
    return Coherence(
        verdict="coherent" if ratio < 1.2 else "degraded" if ratio < 2 else "incoherent",
        repeated_4grams=0.02 * ratio,
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
