"""Where in the first model the weights that matter are: part by part, at equal sparsity and at equal budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.location import Ranking, ranked_targets, shared_rankings
from suite.analysis.mass import Mass, Removable
from suite.analysis.models import ModelFacts
from suite.analysis.order import Order, one_over_other, ordered
from suite.analysis.targets import TargetTable, target_table
from suite.analysis.values import Claim, NotMeasured, Number, Verdict
from suite.models.catalogue import model_title
from suite.protocol import EQUAL_HARM, MASS_FACTORS
from suite.report.claims import universal
from suite.report.figures.lines import targets
from suite.report.figures.network import network
from suite.report.figures.ranking import ranking
from suite.report.figures.style import Style
from suite.report.format import multiple, num, pct
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import counted, name, target

Row = tuple[str, str, tuple[object, ...]]  # model, target, a value for each sparsity


@dataclass(frozen=True, slots=True)
class Location:
    """The first model's parts, and the rankings of all models at the budget that most of them share."""

    model: ModelFacts
    table: TargetTable | None
    rankings: tuple[Ranking, ...]

    @property
    def own(self) -> Ranking | None:
        """The first model's ranking."""
        return next((one for one in self.rankings if one.model == self.model.name), None)

    @property
    def budget(self) -> float:
        return self.rankings[0].budget


def find(facts: Facts) -> Location | None:
    if not facts.models:
        return None
    rankings = shared_rankings([ranking for model in facts.models for ranking in model.rankings])
    table = target_table(facts.models)
    return Location(facts.main, table, rankings) if table or rankings else None


def claims(found: Location) -> Iterable[Claim | None]:
    return (
        _every_pair_differs(found),
        _more_than("attention_over_mlp", "attention", "mlp", found.rankings),
        _more_than("early_over_late", "early", "late", found.rankings),
    )


def said(order: Order, most: int = 12) -> str:
    """Targets by the harm their loss does: > where neighbours are told apart, ≈ where they cannot be."""
    steps = [f"{sign} {what}" if sign else what for sign, what in order.steps[:most]]
    return " ".join(steps) + (" …" if len(order.steps) > most else "")


def _every_pair_differs(found: Location) -> Claim | None:
    """At equal budget, every two targets of the first model differ in the harm their loss does."""
    if (own := found.own) is None or (about := ordered(own)) is None:
        return None
    verdict = Verdict.FAILS if about.equal else Verdict.UNKNOWN if about.undecided else Verdict.HOLDS
    equal = f"; {' and '.join(about.equal[0])} are equal within {pct(EQUAL_HARM)}" if about.equal else ""
    evidence = f"{said(about.order)}, and {about.order.decided} of {counted(about.order.pairs, 'pair')} differ{equal}"
    statement = f"In {name(own.model)}, every two parts differ in the harm that losing the same number of weights does"
    return Claim(
        "ranking", statement, verdict, evidence, said(about.order), {"order": about.order, "equal": about.equal}
    )


def _more_than(key: str, more: str, less: str, rankings: Sequence[Ranking]) -> Claim | None:
    verdicts = one_over_other(more, less, rankings)
    statement = f"Weight for weight, {target(more)} matter more than {target(less)}"
    return universal(key, statement, verdicts, "model", budget=rankings[0].budget) if verdicts else None


def _target_columns(found: Location) -> list[Column[Row]]:
    assert found.table is not None

    def at(index: int) -> Column[Row]:
        sparsity = found.table.sparsities[index] if found.table else 0.0
        return Column(pct(sparsity), lambda row: row[2][index], multiple, worst=10.0)

    return [Column("Part", lambda row: row[1]), *(at(i) for i in range(len(found.table.sparsities)))]


def _target_rows(found: Location) -> list[Row]:
    models = found.table.models if found.table else ()
    return [(model, what, values) for model, rows in models for what, values in rows]


def _ranking_columns(found: Location) -> list[Column[Ranking]]:
    def of(what: str) -> Column[Ranking]:
        return Column(
            what, lambda row: _ratio(row.cell(what)), lambda v: num(v, 3) if v < 2 else multiple(v), worst=2.0
        )

    return [Column("Model", lambda row: model_title(row.model)), *map(of, ranked_targets(found.rankings))]


def _ratio(cell: Cell | None) -> float | NotMeasured | None:
    return None if cell is None else cell.ratio


def _mass_columns(_found: Location) -> list[Column[Removable]]:
    def at(index: int) -> Column[Removable]:
        return Column(f"{num(MASS_FACTORS[index], 1)}×", lambda row: _between(row.masses[index]))

    return [
        Column("Part", lambda row: row.what),
        Column("Its weights", lambda row: row.share, pct),
        *(at(index) for index in range(len(MASS_FACTORS))),
    ]


def _between(mass: Mass) -> str:
    return f"≥ {pct(mass.low, 1)}" if mass.high is None else f"{pct(mass.low, 1)} to {pct(mass.high, 1)}"


def _part_columns(_found: Location) -> list[Column[tuple[str, Number]]]:
    return [Column("Part", lambda row: target(row[0])), Column("Ratio", lambda row: row[1], multiple, worst=10.0)]


def _part_rows(found: Location) -> list[tuple[str, Number]]:
    return list(found.model.parts.values.items()) if found.model.parts else []


def _network(axes: Axes, found: Location, style: Style) -> None:
    assert found.model.parts is not None
    network(axes, found.model.parts, style)


SECTION = Section(
    key="location",
    title="Where does the ticket live?",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "network",
            _network,
            150.0,
            there=lambda found: found.model.parts is not None,
            table="network",
        ),
        Figure(
            "targets",
            lambda axes, found, style: targets(axes, found.model, style),
            150.0,
            there=lambda found: found.model.heat is not None,
            table="targets",
            paper=False,
        ),
        Figure(
            "ranking",
            lambda axes, found, style: ranking(axes, found.rankings, style),
            lambda found: 60.0 + 26.0 * len(ranked_targets(found.rankings)),
            there=lambda found: bool(found.rankings),
            table="ranking",
            paper=False,
        ),
    ),
    tables=(
        Table("network", _part_columns, _part_rows),
        Table("ranking", _ranking_columns, lambda found: found.rankings, paper=True),
        Table("targets", _target_columns, _target_rows, by=lambda row: row[0]),
        Table("mass", _mass_columns, lambda found: found.model.removable),
    ),
    poster=Block("right", "network", (13.5, 16.0, 20.0), levels=2, there=lambda found: found.model.parts is not None),
)
