"""Layer by layer, part by part: the damage of every part of every layer, each losing the same number of weights."""

from __future__ import annotations

from collections.abc import Iterable

from suite.analysis.damage_map import Damage, DamageMap, maps_of
from suite.analysis.facts import Facts
from suite.analysis.paired import shared_level
from suite.analysis.values import Bounds, Claim, Verdict, everywhere
from suite.models.catalogue import model_title
from suite.records.schema import Interval
from suite.report.figures.damage_map import damage_map
from suite.report.format import pct, sig
from suite.report.section import Block, Column, Figure, Section, Table
from suite.report.words import name

Found = tuple[DamageMap, ...]
Row = tuple[DamageMap, str]  # and a part


def find(facts: Facts) -> Found | None:
    """The map that tells most places apart from no damage comes first."""
    maps = (found for model in facts.models for found in maps_of(model.dense, model.cells))
    return tuple(sorted(maps, key=lambda one: -one.apart / len(one.known))) or None


def claims(found: Found) -> Iterable[Claim | None]:
    """That the ticket lives in one place: losing it costs each model more than losing all the others one by one."""
    chosen = [one for one in found if one.criterion != "random"]
    if not chosen:
        return ()
    level, first = shared_level(len(chosen)), chosen[0]
    verdicts = [_above_nothing(one.alone(level)) for one in chosen]
    said = f"in {name(first.model)} it takes {first.half} of {len(first.known)} places for half of the damage"
    evidence = f"{said}; {first.worst.name} has the most, {pct(first.share, 0)}"
    statement = "A single part of a single layer holds the ticket: losing it costs more than losing all others"
    return (Claim("ticket_in_one_place", statement, everywhere(verdicts), evidence, said, {"first": first}),)


def _above_nothing(nats: Bounds) -> Verdict:
    if not isinstance(nats, Interval) or nats.low <= 0 <= nats.high:
        return Verdict.UNKNOWN
    return Verdict.HOLDS if nats.low > 0 else Verdict.FAILS


def _columns(_found: Found) -> list[Column[DamageMap]]:
    return [
        Column("Model", lambda one: model_title(one.model)),
        Column("Told apart", lambda one: f"{one.apart} of {len(one.known)}", short="Apart"),
        Column("Worst place", lambda one: one.worst.name, short="Worst"),
        Column("Its share", lambda one: one.share, lambda v: pct(v, 0)),
        Column("Places for half", lambda one: one.half, lambda v: f"{v:,}", short="Half"),
        Column("Parts, most harmful first", lambda one: ", ".join(p for p, _ in one.by_part()[:4]), short="Parts"),
        Column("Layers", lambda one: ", ".join(layer for layer, _ in one.by_layer()[:5])),
    ]


def _spot_columns(_found: Found) -> list[Column[tuple[DamageMap, Damage]]]:
    return [
        Column("Place", lambda row: row[1].name),
        Column("Nats a token", lambda row: row[1].nats, lambda v: sig(v, 3)),
        Column("Told apart from none", lambda row: "no" if row[1].apart is Verdict.UNKNOWN else "yes", short="Apart"),
    ]


SECTION = Section(
    key="map",
    title="Layer by layer, part by part",
    find=find,
    claims=claims,
    figures=(
        Figure(
            "map",
            lambda axes, found, style: damage_map(axes, found[0], style),
            lambda found: 60.0 + 14.0 * len(found[0].parts),
            table="places",
            paper=False,
        ),
    ),
    tables=(
        Table("map", _columns, lambda found: found),
        Table(
            "places", _spot_columns, lambda found: [(m, s) for m in found for s in m.known], lambda row: row[0].model
        ),
    ),
    poster=Block(
        "right",
        "map",
        lambda found: (
            len(found[0].parts) * 1.12 + 4.2,
            len(found[0].parts) * 1.12 + 4.2,
            len(found[0].parts) * 1.7 + 6.3,
        ),
    ),
)
