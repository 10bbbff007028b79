"""From a manifest's `ticket` to its trainings, in an order in which each comes after those that it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suite import declared
from suite.data.source import TextSource
from suite.errors import InputError
from suite.manifest.entries import TicketEntry
from suite.manifest.schema import Manifest
from suite.models.source import ModelSource
from suite.records.experiment import Experiment, TextReference, Training
from suite.training.levels import sibling

BESIDE = {"title", "models", "text", "context", "seed", "ticket"}  # what a manifest with a ticket may say
COMPARED = 6  # levels at which the controls run, where a manifest does not say which


def check_ticket(
    manifest: Manifest, models: Sequence[ModelSource], text: TextSource, positions: declared.Positions
) -> None:
    """Refuse what does not go together with a search for a ticket, and a network that nothing but one can use.

    Raises:
        InputError: which key, where, and what to do.
    """
    if manifest.ticket is not None:
        for key in sorted(manifest.model_fields_set - BESIDE):
            raise InputError(
                f"{positions.at((key,))}: a search for a ticket decides by itself what is pruned and measured; leave "
                f"`{key}` out, or make it another study"
            )
        for i, entry in enumerate(manifest.models):
            for key in sorted(entry.model_fields_set & {"windows", "bos"}):
                raise InputError(
                    f"{positions.at(('models', i, key))}: a search for a ticket evaluates the whole text; leave "
                    f"`{key}` out"
                )
    for i, model in enumerate(models):
        if model.untrained and manifest.ticket is None:
            raise InputError(
                f"{positions.at(('models', i))}: model {model.name!r} is not trained, so there is nothing to prune "
                "yet; give a `ticket`, or a model that is trained"
            )
        if model.untrained and not text.labelled:
            raise InputError(
                f"{positions.at(('text',))}: an untrained network ({model.name!r}) knows the words of the embedded "
                "corpus alone; take text stories or short-stories"
            )


def trainings(
    model: ModelSource,
    entry: TicketEntry,
    seeds: Sequence[int],
    text: TextReference,
    context: int,
    learnt: TextReference,
) -> Iterator[Experiment]:
    """Every training of a search, seed by seed and level by level.

    Args:
        text: what the networks are examined on.
        learnt: what they learn from.
    """
    for seed in dict.fromkeys(seeds):
        dense = Experiment(
            model=model.name,
            revision=model.revision,
            criterion="none",
            precision="float32",
            text=text,
            context=context,
            seed=seed,
            measure=(),
            training=Training(
                arm="dense",
                pruned=entry.pruned,
                text=learnt,
                steps=entry.steps,
                batch=entry.batch,
                learning_rate=entry.learning_rate,
                recall_weight=entry.recall_weight,
            ),
        )
        yield from _of_seed(dense, model.anatomy.block_weights, entry)


def _of_seed(dense: Experiment, weights: int, entry: TicketEntry) -> Iterator[Experiment]:
    rewinds = [rewind / 100 for rewind in dict.fromkeys(entry.rewind)]
    compared = set(entry.compared or _spread(entry.levels))
    yield dense
    yield sibling(dense, weights, arm="dense-longer", steps=entry.dense_longer * entry.steps)
    for order in range(1, entry.orders):
        yield sibling(dense, weights, order=order)
    for level in range(1, entry.levels + 1):
        for rewind in rewinds:
            yield sibling(dense, weights, arm="ticket", level=level, rewind=rewind)
        for order in range(1, entry.orders):
            yield sibling(dense, weights, arm="ticket", level=level, rewind=rewinds[0], order=order)
        if "learning-rate-rewinding" in entry.arms:
            yield sibling(dense, weights, arm="learning-rate-rewinding", level=level)
        if level in compared:
            for arm in ("random-reinit", "random"):
                for rewind in rewinds:
                    if arm in entry.arms:
                        yield sibling(dense, weights, arm=arm, level=level, rewind=rewind)
            if "small-dense" in entry.arms:
                yield sibling(dense, weights, arm="small-dense", level=level)
        if entry.early is not None and level in entry.early.levels:
            for read in dict.fromkeys(entry.early.read):
                yield sibling(dense, weights, arm="early", level=level, read=read / 100)


def _spread(levels: int) -> list[int]:
    """The levels at which the controls run: at equal distances, the first and the last among them."""
    return [1 + round(n * (levels - 1) / (COMPARED - 1)) for n in range(COMPARED)]
