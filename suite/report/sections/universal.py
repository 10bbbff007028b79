"""Is it universal? Where each model breaks, pruned alike, and whether the same parts matter in all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes

from suite.analysis.cells import Cell
from suite.analysis.crossings import Broken, Crossings, crossings
from suite.analysis.facts import Facts
from suite.analysis.location import Comparison, comparison, shared_rankings
from suite.analysis.models import ModelFacts
from suite.analysis.order import Order, Shared, shared_order
from suite.analysis.points import Crossing
from suite.analysis.sizes import Family, families_of, less_harmed
from suite.analysis.values import Claim, NotMeasured, Verdict
from suite.models.catalogue import model_title
from suite.protocol import TOLERANCE
from suite.report.claims import universal
from suite.report.figures.comparison import comparison as comparison_figure
from suite.report.figures.crossings import crossings as crossings_figure
from suite.report.figures.style import Style
from suite.report.format import multiple, num, pct, sig
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.sections.location import said
from suite.report.words import counted, every, listing, name

MOST_ROWS = 20  # models in the figures


@dataclass(frozen=True, slots=True)
class Universal:
    """Several models side by side; `main` is the one that the report is about."""

    main: str
    models: tuple[ModelFacts, ...]
    crossings: Crossings | None
    comparison: Comparison | None
    shared: Shared | None
    families: tuple[Family, ...]


def find(facts: Facts) -> Universal | None:
    if len(facts.models) < 2:
        return None
    found = crossings(curve for model in facts.models for curve in model.curves)
    same = comparison(cell for cell in facts.cells if cell.plain)
    shared = shared_order(shared_rankings([ranking for model in facts.models for ranking in model.rankings]))
    families = families_of(facts.models)
    if not (found or same or shared or families):
        return None
    return Universal(facts.main.name, facts.models, found, same, shared, families)


def claims(found: Universal) -> Iterable[Claim | None]:
    return _same_ranking(found.shared), _bigger(found.families)


def _same_ranking(shared: Shared | None) -> Claim | None:
    """Every pair of targets comes out the same way in every model; opposite ways in two models refute it."""
    if shared is None:
        return None
    verdict = Verdict.FAILS if shared.opposed else Verdict.UNKNOWN if shared.undecided else Verdict.HOLDS
    evidence = f"{len(shared.agreed)} of {counted(shared.pairs, 'pair')} of parts come out alike in all of them"
    if shared.opposed:
        one, other, more, less = shared.opposed[0]
        evidence += f"; losing {one} harms more than losing {other} in {name(more)}, and less in {name(less)}"
    statement = f"The parts rank the same in {every(len(shared.orders), 'model')}"
    return Claim("same_ranking", statement, verdict, evidence, evidence.partition(";")[0], {"shared": shared})


def _bigger(families: tuple[Family, ...]) -> Claim | None:
    """Within each architecture, every larger model is harmed less than every one of the next smaller size."""
    if not families:
        return None
    claim = universal(
        "bigger_stand_more",
        "Bigger models of a family stand more",
        less_harmed(families),
        "pair of sizes",
        "pairs of sizes",
    )
    evidence = f"{claim.evidence}: {'; '.join(map(_family, families))} (a single training is behind each model)"
    return Claim(claim.name, claim.statement, claim.verdict, evidence, claim.evidence, {"families": families})


def _family(family: Family) -> str:
    """The sizes of a family: how much of each can go, or what each suffers."""
    by_cliff = family.sparsity is None
    values = [pct(m.value) if by_cliff else f"{sig(m.value, 4)}×" for m in family.members]
    told = [f"{value} in {name(m.model.name)}" for value, m in zip(values, family.members, strict=True)]
    if by_cliff:
        return f"before perplexity rises {pct(TOLERANCE - 1)} can go {listing(told, 8, 60)}"
    return f"at {pct(family.sparsity)} perplexity is {listing(told, 8, 60)} dense"


def _crossing_columns(found: Universal) -> list[Column[Broken]]:
    assert found.crossings is not None

    def at(index: int, factor: float) -> Column[Broken]:
        return Column(f"{num(factor, 1)}×", lambda row: _between(row.crossings[index]))

    factors = enumerate(found.crossings.factors)
    return [Column("Model", lambda row: model_title(row.model)), *(at(index, factor) for index, factor in factors)]


def _between(found: Crossing) -> str:
    if found.above is None:
        return f"≥ {pct(found.below)}"
    said = f"{100 * found.below:.3g}–{pct(found.above)}"
    if found.certain_below is None or found.certain_above is None:
        return said
    return f"{said} ({100 * found.certain_below:.3g}–{pct(found.certain_above)})"


def _model_columns(_found: Universal) -> list[Column[ModelFacts]]:
    return [
        Column("Model", lambda m: model_title(m.name)),
        Column("Architecture", lambda m: m.cells[0].record.model.architecture, short="Arch."),
        Column("Parameters", lambda m: m.cells[0].record.model.parameters, lambda v: f"{sig(v / 1e6, 3)}\u00a0M"),
        Column("Dense perplexity", lambda m: m.dense_perplexity, sig, short="Dense"),
        Column("Can go", lambda m: _can_go(m), pct),
        Column("Word counts", lambda m: _reference(m, "unigram"), lambda v: sig(v, 4), short="Counts"),
    ]


def _can_go(model: ModelFacts) -> float | NotMeasured | None:
    point = model.main.tolerated() if model.main else None
    return point.sparsity if point else None


def _reference(model: ModelFacts, what: str) -> float | NotMeasured:
    quality = model.reference
    return quality if isinstance(quality, NotMeasured) else float(getattr(quality, what))


def _order_columns(_found: Universal) -> list[Column[Order]]:
    return [
        Column("Model", lambda order: model_title(order.model)),
        Column("Order, most harmful first", lambda order: said(order, 6), short="Order"),
        Column("Pairs told apart", lambda order: f"{order.decided} of {order.pairs}", short="Apart"),
    ]


def _comparison_columns(_found: Universal) -> list[Column[Cell]]:
    return [
        Column("Model", lambda cell: model_title(cell.model)),
        Column("Ratio", lambda cell: cell.ratio, multiple, worst=10.0),
        Column("Interval", lambda cell: cell.interval, multiple),
    ]


def _crossings(axes: Axes, found: Universal, style: Style) -> None:
    assert found.crossings is not None
    crossings_figure(axes, found.crossings, found.main, style)


def _comparison(axes: Axes, found: Universal, style: Style) -> None:
    assert found.comparison is not None
    comparison_figure(axes, found.comparison, style)


SECTION = Section(
    key="universal",
    title="Is it universal?",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "crossings",
            _crossings,
            lambda found: 52.0 + 15.0 * min(len(found.models), MOST_ROWS),
            there=lambda found: found.crossings is not None,
            table="crossings",
        ),
        Figure(
            "comparison",
            _comparison,
            lambda found: 40.0 + 12.0 * min(len(found.models), MOST_ROWS),
            there=lambda found: found.comparison is not None,
            table="comparison",
            paper=False,
        ),
    ),
    tables=(
        Table("models", _model_columns, lambda found: found.models, paper=True),
        Table("crossings", _crossing_columns, lambda found: found.crossings.rows if found.crossings else ()),
        Table("comparison", _comparison_columns, lambda found: found.comparison.cells if found.comparison else ()),
        Table("orders", _order_columns, lambda found: found.shared.orders if found.shared else ()),
    ),
    poster=Block("right", "crossings", (9.0, 13.0, 22.0), levels=1, there=lambda found: found.crossings is not None),
)
