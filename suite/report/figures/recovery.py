"""What training brings back: perplexity along the way, the mask held, beside a random mask and the dense model."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from suite.analysis.models import ModelFacts
from suite.analysis.recovery import Recoveries, trained_dense
from suite.analysis.values import NotMeasured
from suite.pruning.criteria import criterion_label
from suite.records.schema import Recovered
from suite.report.figures.style import Label, Style, log_axis, name, right_labels, series
from suite.report.theme import theme

SCALES = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))


def recovery(axes: Axes, found: Sequence[Recoveries], dense: ModelFacts, style: Style) -> None:
    """A line for each criterion at one sparsity of one model, and a dashed one for the dense model trained as long."""
    base = dense.dense_perplexity
    lines = [(one.criterion, learnt) for one in found if isinstance(learnt := one.most.learnt, Recovered)]
    trained = trained_dense(dense.cells)
    lines += [("dense", own) for cell in trained[-1:] if (own := cell.record.recovered)]
    if isinstance(base, NotMeasured) or not lines:
        raise ValueError("the course of no training was recorded")
    unit, said = _unit(max(learnt.tokens for _, learnt in lines))
    labels, seen = [], [1.0]
    for index, (criterion, learnt) in enumerate(lines):
        colour, marker = _look(criterion, index)
        points = [(place.tokens / unit, place.perplexity / base) for place in learnt.course]
        dashes = (0, (5, 3)) if criterion == "dense" else "-"
        every = max(len(points) // 8, 1)
        axes.plot(*zip(*points, strict=True), color=colour, marker=marker, markevery=every, ls=dashes, clip_on=False)
        labels.append(Label(points[-1][1], name(criterion_label(criterion)), colour))
        seen += [y for _, y in points]
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    axes.set_xlabel(f"tokens trained on{f' ({said})' if said else ''}")
    log_axis(axes.yaxis, min(seen) * 0.95, max(seen) * 1.15, suffix="\u00d7")
    axes.set_ylabel("to dense (log)")
    axes.grid(axis="y")
    right_labels(axes, labels, style)


def _look(criterion: str, index: int) -> tuple[str, str]:
    if criterion == "dense":
        return theme().colours["ink"], "s"
    return (theme().control, "X") if criterion == "random" else series(index)


def _unit(tokens: int) -> tuple[float, str]:
    return next(((unit, name) for unit, name in SCALES if tokens >= unit), (1.0, ""))
