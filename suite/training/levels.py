"""Iterative pruning as a plan: how much each level leaves, and which trainings a training stands on. Without torch."""

from __future__ import annotations

from suite.records.experiment import Experiment, Training

UNPRUNED = ("dense", "dense-longer", "small-dense")  # arms whose networks have all their weights
STOOD_ON = ("dense", "ticket", "learning-rate-rewinding")  # arms that others stand on


def asked_of(experiment: Experiment) -> Training:
    """What is asked of a training. Raises TypeError: the experiment is none."""
    if experiment.training is None:
        raise TypeError(f"{experiment.id[:8]} is no training")
    return experiment.training


def remaining(weights: int, share: float, level: int) -> int:
    """How many of so many weights survive a level; each level removes `round(share * n)` of the n before it."""
    for _ in range(level):
        weights -= round(share * weights)
    return weights


def sibling(experiment: Experiment, weights: int, **changes: object) -> Experiment:
    """Another training of the same search: the same but for these fields of its `training`.

    Args:
        weights: how many the search prunes, of the unpruned network.
    """
    training = asked_of(experiment).model_copy(update=changes)
    bare = training.arm in UNPRUNED
    if bare:
        training = training.model_copy(update={"rewind": 0.0, "read": None})
        if training.arm != "small-dense":
            training = training.model_copy(update={"level": 0})
    sparsity = 1 - remaining(weights, training.pruned, training.level) / weights
    return experiment.model_copy(
        update={
            "training": training,
            "criterion": "none" if bare else "random" if training.arm == "random" else "magnitude",
            "target": None if bare else "blocks",
            "scope": "tensor" if bare else "global",
            "sparsity": 0.0 if bare else sparsity,
        }
    )


def stands_on(experiment: Experiment, weights: int) -> dict[str, Experiment]:
    """The trainings that one needs the results of, by what they are to it.

    `before`: its weights at the end of their training say which go next. `masked`: its mask is taken. `dense`: the line
    from its values is walked, or its mask is read. `ticket`: of the same level, whose mask is held against this one's.
    """
    asked = asked_of(experiment)
    dense = sibling(experiment, weights, arm="dense", order=0)
    if asked.arm == "dense":
        return {"dense": dense} if asked.order else {}
    if asked.arm in UNPRUNED:
        return {}
    if asked.arm in ("random-reinit", "random"):
        return {"masked": sibling(experiment, weights, arm="ticket")}
    if asked.arm == "early":
        return {"dense": dense, "ticket": sibling(experiment, weights, arm="ticket", read=None)}
    if asked.level == 1:
        found = {"before": sibling(experiment, weights, arm="dense")}
    else:
        found = {"before": sibling(experiment, weights, level=asked.level - 1)}
    if asked.arm == "ticket":
        found["dense"] = dense
        if asked.order:
            found["ticket"] = sibling(experiment, weights, order=0)
    return found
