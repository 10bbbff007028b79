"""What does it buy? Bytes of the file, memory and speed of the first model pruned; and is a smaller model better?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.headline import Price
from suite.analysis.models import ModelFacts
from suite.analysis.storage import Match, Storage, matches_of, storage
from suite.analysis.values import Claim, NotMeasured, Verdict, graded
from suite.models.catalogue import model_title
from suite.report.claims import tally
from suite.report.figures.bytes import bytes_
from suite.report.format import pct, sig, size, times
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import name


@dataclass(frozen=True, slots=True)
class Bought:
    """The file of the first model at each sparsity, and other models' beside it."""

    model: ModelFacts
    storage: Storage
    price: Price | None
    matches: tuple[Match, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(stored.cell for stored in (self.storage.main.dense, *self.storage.main.pruned))


def find(facts: Facts) -> Bought | None:
    if not facts.models or (found := storage(facts.models)) is None:
        return None
    price = facts.headline.price if facts.headline else None
    return Bought(facts.main, found, price, matches_of(facts.models))


def claims(found: Bought) -> Iterable[Claim | None]:
    """Pruned to the size of a smaller model of its architecture, a larger one predicts better."""
    if not found.matches:
        return ()
    verdicts = [match.better for match in found.matches]
    wins, losses, undecided = (verdicts.count(v) for v in (Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN))
    first = found.matches[0]
    pruned, dense = first.pruned, first.dense
    said = (
        f"{name(pruned.model)} at {pct(pruned.sparsity)} has {sig(pruned.perplexity, 4)} in {size(pruned.bytes)}, "
        f"{name(dense.model)} {sig(dense.perplexity, 4)} in {size(dense.bytes)}"
    )
    statement = "Pruned to the file size of a smaller dense model of its architecture, a larger one predicts better"
    came_out = tally(wins, losses, undecided, "pair")
    return (Claim("pruned_beats_smaller", statement, graded(wins, losses, undecided), f"{came_out}; {said}", came_out),)


def _columns(found: Bought) -> list[Column[Cell]]:
    dense = found.storage.main.dense.bytes
    return [
        Column("Removed", lambda cell: cell.sparsity, pct),
        Column("Perplexity", lambda cell: cell.perplexity, sig),
        Column("File", lambda cell: cell.stored_bytes if not cell.experiment.dense else dense, size),
        Column("Of dense", lambda cell: _share(cell, dense), lambda v: pct(v, 1)),
        Column("Weights in memory", lambda cell: _weights(cell), size, short="Memory"),
    ]


def _share(cell: Cell, dense: float) -> float | NotMeasured:
    stored = cell.stored_bytes
    return 1.0 if cell.experiment.dense else stored if isinstance(stored, NotMeasured) else stored / dense


def _weights(cell: Cell) -> float | NotMeasured:
    memory = cell.memory
    return memory if isinstance(memory, NotMeasured) else float(memory.weights_bytes)


def _match_columns(_found: Bought) -> list[Column[Match]]:
    return [
        Column("Pruned", lambda m: model_title(m.pruned.model)),
        Column("Removed", lambda m: m.pruned.sparsity, pct),
        Column("File", lambda m: m.pruned.bytes, size),
        Column("Perplexity", lambda m: m.pruned.perplexity, lambda v: sig(v, 4)),
        Column("Dense", lambda m: model_title(m.dense.model)),
        Column("Its file", lambda m: m.dense.bytes, size),
        Column("Its perplexity", lambda m: m.dense.perplexity, lambda v: sig(v, 4)),
        Column("Ratio", lambda m: m.ratio, times),
    ]


SECTION = Section(
    key="storage",
    title="What does it buy?",
    find=find,
    claims=claims,
    figures=(Figure("bytes", lambda axes, found, style: bytes_(axes, found.storage, style), 165.0, table="bytes"),),
    tables=(
        Table("bytes", _columns, lambda found: found.cells),
        Table("smaller", _match_columns, lambda found: found.matches),
    ),
    poster=Block("left", "bytes", (7.5, 10.5, 28.0), levels=1),
)
