"""What breaks, not only how much: which kinds of words are lost with the attention and which with the MLP."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from suite.analysis.breaks import STATEMENTS, Breaks, breaks_of
from suite.analysis.facts import Facts
from suite.analysis.over_models import mean_over_models
from suite.analysis.paired import shared_level
from suite.analysis.values import Claim, Verdict
from suite.pruning.criteria import criterion_label
from suite.records.schema import Interval
from suite.report.figures.breaks import breaks
from suite.report.format import num
from suite.report.section import Column, Figure, Section, Table
from suite.report.words import counted, criterion, with_interval

Found = tuple[Breaks, ...]
SAID = {
    "attention_breaks_recall": "Losing attention layers harms recall more than facts",
    "mlp_breaks_fact": "Losing MLP layers harms facts more than recall",
    "parts_break_apart": "Recall, compared with facts, loses more with attention layers than with MLP layers",
}


def find(facts: Facts) -> Found | None:
    return breaks_of(facts.models) or None


def claims(found: Found) -> Iterable[Claim | None]:
    """The three statements for each criterion, by t-intervals over the models' differences."""
    return tuple(_claim(one, key) for one in found for key in STATEMENTS)


def _claim(found: Breaks, key: str) -> Claim:
    values = [STATEMENTS[key](loss) for loss in found.losses]
    interval = mean_over_models(values, shared_level(len(STATEMENTS)))
    verdict = Verdict.UNKNOWN
    if isinstance(interval, Interval) and not interval.low <= 0 <= interval.high:
        verdict = Verdict.HOLDS if interval.low > 0 else Verdict.FAILS
    drawn = found.criterion == "random"
    how = criterion(found.criterion) + (f", mean of {counted(found.seeds, 'seed')}" if found.seeds > 1 else "")
    contrast = f"the contrast is {num(fmean(values), 2)} over {counted(len(values), 'model')}"
    said = f"{contrast}{with_interval(interval)}, by {how}"
    about = {"criterion": found.criterion, "mean": fmean(values), "interval": interval, "models": len(values)}
    return Claim(f"{key}{'_random' if drawn else ''}", SAID[key], verdict, said, values=about)


def _columns(_found: Found) -> list[Column[tuple[Breaks, Claim]]]:
    return [
        Column("Statement", lambda row: row[1].statement),
        Column("Criterion", lambda row: criterion_label(row[0].criterion)),
        Column("Contrast", lambda row: row[1]["mean"], lambda v: num(v, 2)),
        Column("Interval", lambda row: row[1]["interval"], lambda v: num(v, 2)),
        Column("Models", lambda row: row[1]["models"], lambda v: f"{v:,}"),
    ]


SECTION = Section(
    key="breaks",
    title="What breaks, not only how much",
    find=find,
    claims=claims,
    figures=(
        Figure("breaks", lambda axes, found, style: breaks(axes, found[0], style), 150.0, table="breaks", paper=False),
    ),
    tables=(Table("breaks", _columns, lambda found: [(one, _claim(one, key)) for one in found for key in STATEMENTS]),),
)
