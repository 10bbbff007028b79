"""Searches for a ticket that no network was trained for: every number follows from the place in the search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from suite.models.anatomy import Anatomy
from suite.records.experiment import Arm, Experiment, TextReference, Training, digest
from suite.records.schema import ModelSummary, Pruning, Record, TensorCount
from suite.records.trained import Overlap, Overlaps, Step, Trained
from suite.training.levels import UNPRUNED, remaining, sibling
from tests.invented import record as plain

TEXT = TextReference(name="short-stories", revision="sha256:" + "a" * 64, join="\n")
LEARNT = TextReference(name="short-stories-training", revision="sha256:" + "b" * 64, join="\n")
ANATOMY = Anatomy(
    {
        "model_type": "llama",
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": 180,
        "tie_word_embeddings": True,
    }
)
FLOOR, PLATEAU, DENSE = 1.10, 1.14, 1.16
LEVELS, COMPARED, READ = 17, (1, 4, 7, 11, 14, 17), (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
LATER = 0.05  # the other rewind
KNEES = {
    "ticket": 0.12,
    "learning-rate-rewinding": 0.1,
    "random-reinit": 0.5,
    "random": 0.7,
    "small-dense": 0.6,
}  # remaining where it breaks
DENSITY = {"q": 0.8, "k": 0.7, "v": 1.3, "o": 1.2, "gate": 0.9, "up": 1.0, "down": 1.1}  # of survivors, over the mean

Law = Callable[[Training, float], float]  # the mean loss of a training under a mask that leaves a share of the weights


def usual(asked: Training, share: float) -> float:
    """A search that comes out well: tickets of initial values match the plateau down to level 12, about 7 %."""
    if asked.arm == "dense":
        return DENSE
    if asked.arm == "dense-longer":
        return PLATEAU
    knee = KNEES.get(asked.arm, 0.0)
    if asked.arm == "early":
        knee = KNEES["ticket"] + 0.5 * math.exp(-(asked.read or 0) / 0.05)
    if asked.rewind:
        knee *= 0.7
    return PLATEAU - 0.005 + 0.06 * max(0.0, math.log(knee / share)) ** 2


def experiment(
    arm: Arm = "dense", seed: int = 0, model: str = "net-46k", steps: int = 1000, **place: Any
) -> Experiment:
    """One training of a search; `place` is its level, rewind, order and where it was read."""
    recipe = {"text": LEARNT, "steps": steps, "batch": 8, "learning_rate": 0.01, "recall_weight": 5.0}
    whole = Experiment(
        model=model,
        revision="sha256:" + digest({"model": model}),
        criterion="none",
        precision="float32",
        text=TEXT,
        context=40,
        seed=seed,
        measure=(),
        training=Training(arm="dense", pruned=0.2, **recipe),
    )
    longer = {"steps": 4 * steps} if arm == "dense-longer" else {}
    return sibling(whole, ANATOMY.block_weights, arm=arm, **longer, **place)


def training(
    arm: Arm = "dense",
    seed: int = 0,
    *,
    loss: float | None = None,
    law: Law = usual,
    noise: float = 0.001,
    error: str | None = None,
    path: tuple[float, ...] | None = None,
    overlaps: Overlaps | None = None,
    **place: Any,
) -> Record:
    """A sealed record of one training; `error` makes it a failed one.

    Args:
        loss: exactly this one; else the law's, with what the seed makes of it in every arm and noise of its own.
        path: the losses on the line from the dense network, of tickets and of another order of the data; else flat.
    """
    cell = experiment(arm, seed, **place)
    asked = cell.training
    assert asked is not None
    weights = ANATOMY.block_weights
    share = remaining(weights, asked.pruned, asked.level) / weights
    summary = ModelSummary(architecture="Llama", parameters=ANATOMY.weights, block_weights=weights, layers=2, tied=True)
    whole = {"id": cell.id, "experiment": cell, "model": summary, "environment": plain().environment}
    if error is not None:
        return Record(status="failed", error=error, **whole).sealed()
    if loss is None:
        loss = law(asked, share) + 0.01 * Random(seed).uniform(-1, 1) + Random(cell.id).gauss(0, noise)
    walked = arm == "ticket" or (arm == "dense" and asked.order)
    trained = Trained(
        loss=loss,
        floor=FLOOR,
        tokens=9_360,
        windows=240,
        text_sha256="a" * 64,
        tokenizer_sha256="7" * 64,
        course=_course(asked, loss),
        parameters=ANATOMY.weights - round((1 - share) * weights),
        hidden=max(2, round(48 * math.sqrt(share))) if arm == "small-dense" else None,
        inner=max(2, round(96 * math.sqrt(share))) if arm == "small-dense" else None,
        overlaps=overlaps or _overlaps(asked, share),
        path=(path or _path(asked, loss)) if walked else None,
        seconds=9.0,
    )
    pruned = None if arm in UNPRUNED else _pruning(cell, share)
    return Record(status="done", pruning=pruned, training=trained, **whole).sealed()


def quick(seeds: Iterable[int] = (0, 1), levels: int = LEVELS, **changes: Any) -> list[Record]:
    """Dense, plateau, ticket, fresh and random."""
    found = []
    for seed in seeds:
        found += [training("dense", seed, **changes), training("dense-longer", seed, **changes)]
        for level in range(1, levels + 1):
            arms: tuple[Arm, ...] = ("ticket", "random-reinit", "random") if level in COMPARED else ("ticket",)
            found += [training(arm, seed, level=level, **changes) for arm in arms]
    return found


def full(seeds: Iterable[int] = range(5), **changes: Any) -> list[Record]:
    """Every arm: two rewinds, two orders of the data, all controls, masks read early at two levels."""
    found = quick(tuple(seeds), **changes)
    for seed in seeds:
        found.append(training("dense", seed, order=1, **changes))
        for level in range(1, LEVELS + 1):
            found.append(training("ticket", seed, level=level, rewind=LATER, **changes))
            found.append(training("ticket", seed, level=level, order=1, **changes))
            found.append(training("learning-rate-rewinding", seed, level=level, **changes))
            if level in COMPARED:
                found += [
                    training(arm, seed, level=level, rewind=LATER, **changes) for arm in ("random-reinit", "random")
                ]
                found.append(training("small-dense", seed, level=level, **changes))
        for level in (7, 11):
            found += [training("early", seed, level=level, read=read, **changes) for read in READ]
    return found


def _course(asked: Training, loss: float) -> tuple[Step, ...]:
    places = [math.ceil(asked.steps * (n + 1) / 8) for n in range(8)]
    losses = [loss + 2.0 * math.exp(-5 * step / asked.steps) - 2.0 * math.exp(-5) for step in places]
    return tuple(Step(step=step, loss=one + 0.02, held_out=one) for step, one in zip(places, losses, strict=True))


def _overlaps(asked: Training, share: float) -> Overlaps:
    def beyond(excess: float) -> Overlap:
        return Overlap(shared=share + excess * (1 - share), chance=share)

    if asked.arm == "early":
        read = asked.read or 0.0
        return Overlaps(last=beyond(read**0.3), ticket=beyond(0.8 * read**0.3))
    if asked.arm == "ticket" and asked.order:
        return Overlaps(other_order=beyond(0.3 * share))
    return Overlaps()


def _path(asked: Training, loss: float) -> tuple[float, ...]:
    """From the dense network's loss to this one's; tickets of initial values lie behind a barrier, later ones not."""
    height = 0.0 if asked.rewind else 0.2
    return tuple(DENSE + (loss - DENSE) * k / 8 + height * math.sin(math.pi * k / 8) for k in range(9))


def _pruning(cell: Experiment, share: float) -> Pruning:
    tensors = {p.name: (p.weights, share ** (1 / DENSITY[p.part])) for p in ANATOMY.block_linears}
    counts = {
        name: TensorCount(weights=n, zeros=n - round(n * kept), zeros_before=0) for name, (n, kept) in tensors.items()
    }
    zeros = round((1 - share) * ANATOMY.block_weights)
    return Pruning(
        mask_digest=digest({"mask": cell.id}),
        zeros=zeros,
        weights=ANATOMY.block_weights,
        layers=len(counts),
        achieved_sparsity=zeros / ANATOMY.block_weights,
        model_sparsity=zeros / ANATOMY.weights,
        per_tensor=counts,
        compression_ratio=ANATOMY.weights / (ANATOMY.weights - zeros),
        theoretical_speedup=1 / share,
        seconds=0.01,
    )
