"""An experiment in words. Commands, documents and tables of records take them from here."""

from __future__ import annotations

from suite.pruning.criteria import CRITERIA, criterion_label
from suite.records.experiment import Experiment, Training

SCOPES = {"tensor": "", "row": "per row", "global": "global", "reference": "as published"}


def describe(experiment: Experiment, share: bool = True) -> str:
    """A cell in one line, model first; without `share`, what a search for a cliff varies is left out."""
    e = experiment
    if e.training is not None:
        remaining = "" if e.unpruned else f"{100 * (1 - e.sparsity):.3g} % remaining"
        return _joined(" ", e.model, *_training(e.training), remaining, f"seed {e.seed}")
    if e.unpruned:
        return _joined(" ", e.model, "dense", *transforms(e))
    budget = f"({budget_words(e)})" if e.budget is not None else ""
    removed = (f"{100 * e.sparsity:.4g} %", budget) if share else ()
    criterion = criterion_label(e.criterion) if e.criterion != "magnitude" else ""
    seed = f"seed {e.seed}" if e.seed is not None else ""
    return _joined(" ", e.model, e.what, *removed, criterion, seed, *transforms(e))


def treated(experiment: Experiment) -> str:
    """The weights that were pruned and what else was done to the model; of a training, its arm and place in it."""
    if experiment.training is not None:
        return ", ".join(_training(experiment.training))
    return _joined(", ", experiment.what, *transforms(experiment))


def transforms(experiment: Experiment) -> tuple[str, ...]:
    """What is done otherwise than by default, beside which weights are pruned and how many, in a few words each."""
    e = experiment
    words = (
        option_words(e.criterion, e.variant, e.cycles),
        SCOPES[e.scope],
        f"tied {e.tied}" if e.tied != "untie" else "",
        allocation_words(e.allocation),
        e.pattern or "",
        f"in {e.precision}" if e.baseline_precision is not None else "",
        "search step" if e.sequential else "",
        f"recovered on {e.recovery.tokens:,} tokens" if e.recovery else "",
    )
    return tuple(filter(None, words))


def criterion_words(experiment: Experiment) -> str:
    """`magnitude`, or `random, seed 2`; nothing where nothing is pruned; of a training its seed."""
    if experiment.training is not None:
        return f"seed {experiment.seed}"
    if experiment.unpruned:
        return ""
    seed = f"seed {experiment.seed}" if experiment.seed is not None else ""
    return _joined(", ", criterion_label(experiment.criterion), seed)


def allocation_words(allocation: str) -> str:
    """How a sparsity is spread over the layers, where that is not evenly."""
    return {"uniform": "", "owl": "OWL", "block-influence": "by block influence"}[allocation]


def option_words(criterion: str, variant: str | None, cycles: int | None) -> str:
    """What a criterion's options are, where they are not its defaults."""
    made = CRITERIA.get(criterion)
    if made is None:
        return ""
    usual = made.options(None, None)
    said = "as coded" if variant not in (None, usual.get("variant")) else ""
    turns = f"{cycles} cycles" if cycles not in (None, usual.get("cycles")) else ""
    return _joined(", ", said, turns)


def budget_words(experiment: Experiment) -> str:
    """The share of the block weights that was asked for; nothing where a sparsity was."""
    return f"budget {100 * experiment.budget:.4g} %" if experiment.budget is not None else ""


def _training(asked: Training) -> tuple[str, ...]:
    words = (
        asked.arm,
        f"level {asked.level}" if asked.level else "",
        f"rewound to {100 * asked.rewind:g} %" if asked.rewind else "",
        f"read at {100 * asked.read:g} %" if asked.read is not None else "",
        f"order {asked.order}" if asked.order else "",
    )
    return tuple(filter(None, words))


def _joined(separator: str, *words: str) -> str:
    return separator.join(filter(None, words))
