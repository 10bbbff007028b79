"""Studies in which more is done to a model than pruning it by its magnitudes, that no model made."""

from __future__ import annotations

from collections.abc import Iterator

from suite.records.schema import Record, SemiStructured
from tests.invented import harm, record, recovery
from tests.synthetic import embedded

MODELS = ("story-mistral", "story-qwen")
FLOAT8 = {"precision": "float8-weights", "baseline_precision": "auto"}


def criteria() -> list[Record]:
    """Every criterion at the same sparsities, Wanda with OWL as well, and half of the weights in patterns."""
    return [*_criteria(), *patterns()]


def _criteria() -> Iterator[Record]:
    for model in MODELS:
        yield record(model=model)
        for sparsity in (0.3, 0.5, 0.6, 0.7, 0.8):
            for criterion in ("magnitude", "wanda", "sparsegpt"):
                yield record(model=model, target="blocks", sparsity=sparsity, criterion=criterion)
            for seed in (0, 1, 2):
                yield record(model=model, target="blocks", sparsity=sparsity, criterion="random", seed=seed)
        for sparsity in (0.6, 0.7):
            better = 0.97 * harm("blocks", sparsity, "wanda", model)
            yield record(better, model=model, target="blocks", sparsity=sparsity, criterion="wanda", allocation="owl")


def patterns() -> Iterator[Record]:
    for model in MODELS:
        for criterion in ("magnitude", "wanda", "sparsegpt"):
            for pattern, worse in (("4:8", 1.05), ("2:4", 1.12)):
                ratio = worse * harm("blocks", 0.5, criterion, model)
                cell = {"model": model, "target": "blocks", "criterion": criterion, "sparsity": 0.5}
                yield record(ratio, pattern=pattern, **cell)


def precision() -> list[Record]:
    """Pruned and rounded, each alone and both."""
    found = [record(), record(**FLOAT8)]
    for sparsity in (0.3, 0.5, 0.6, 0.7):
        found.append(record(target="blocks", sparsity=sparsity))
        found.append(record(target="blocks", sparsity=sparsity, **FLOAT8))
    return found


def recovered() -> list[Record]:
    """Damage and what training brings back, of two criteria, a random mask and the dense model."""
    found = [record()]
    for tokens in (250_000, 1_000_000):
        asked = recovery(tokens)
        found.append(record(0.995, recovery=asked))
        for sparsity in (0.5, 0.7):
            for criterion, seed in (("magnitude", None), ("sparsegpt", None), ("random", 0)):
                cell = {"target": "blocks", "sparsity": sparsity, "criterion": criterion, "seed": seed}
                share = 0.3 if tokens == 250_000 else 0.15
                after = harm("blocks", sparsity, criterion) ** share
                found.append(record(**cell))
                found.append(record(after, recovery=asked, **cell))
    return list({one.id: one for one in found}.values())


def structured() -> list[Record]:
    """Neurons and layers taken out, beside scattered zeros."""
    found = [record()]
    found += [record(target="blocks", sparsity=s) for s in (0.1, 0.3, 0.5)]
    for s in (0.1, 0.3, 0.5):
        found.append(_smaller(record(1 + 1.2 * s, target="mlp", sparsity=s, pattern="neurons"), 0.66 * s))
    for s in (0.125, 0.25, 0.5):
        found.append(_smaller(record(1 + 4 * s, target="blocks", sparsity=s, pattern="layers"), s))
    return found


def _smaller(one: Record, gone: float) -> Record:
    """The record of a model that is really smaller: faster, and of fewer bytes."""
    assert one.generation and one.memory
    speed = one.generation.decode_tokens_per_s
    values = tuple(value / (1 - 0.8 * gone) for value in speed.values)
    middle = sorted(values)[2]
    faster = speed.model_copy(update={"median": middle, "quartiles": (middle, middle), "values": values})
    generation = one.generation.model_copy(update={"decode_tokens_per_s": faster, "dense_decode_tokens_per_s": speed})
    memory = one.memory.model_copy(update={"weights_bytes": round(one.memory.weights_bytes * (1 - gone))})
    return one.model_copy(update={"generation": generation, "memory": memory})


def mapped(layers: int = 8) -> list[Record]:
    """One kind of part of one layer at a time, each losing the same number of weights."""
    found = [record()]
    for layer in range(layers):
        for index, part in enumerate(("q", "k", "v", "o", "gate", "up", "down")):
            place = {"part": (part,), "layers": str(layer), "budget": 0.005, "sparsity": 0.3}
            ratio = 1 + (0.3 if layer == 1 and part in ("v", "down") else 0.004 * (index + 1))
            found.append(record(ratio, **place))
    return found


def on_kernels(one: Record) -> Record:
    """The record of a 2:4 cell whose kernels ran."""
    assert one.generation
    speed = one.generation.decode_tokens_per_s
    faster = speed.model_copy(update={"values": tuple(1.15 * v for v in speed.values), "median": 1.15 * speed.median})
    ran = SemiStructured(
        layers=56,
        kernel="cuSPARSELt",
        weights_bytes=3_700_000,
        perplexity=one.perplexity.value if one.perplexity else None,
        evaluation_seconds=8.0,
        dense_kernel_evaluation_seconds=10.0,
        decode_tokens_per_s=faster,
        dense_kernel_decode_tokens_per_s=speed,
    )
    return one.model_copy(update={"semi_structured": ran})


def everything() -> list[Record]:
    """All of these and the study of plain pruning, as results of several studies are printed together."""
    records = [*embedded(), *criteria(), *precision(), *recovered(), *structured(), *mapped()]
    return list({one.id: one for one in records}.values())
