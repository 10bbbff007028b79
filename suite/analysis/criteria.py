"""Which criterion moves the cliff, by how much, and what it costs: criteria side by side on one target of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve, breadth
from suite.analysis.points import Crossing, Point
from suite.analysis.values import NotMeasured, Number, Verdict
from suite.protocol import MASS_FACTORS
from suite.pruning.criteria import CRITERIA, Rank, criterion_label, criterion_rank
from suite.records.wording import SCOPES, allocation_words, option_words

Way = tuple[str, str, str, str]  # criterion, scope, allocation, options
NO_TIME = NotMeasured("no pruning of this kind finished on the machine that most of them ran on")
NO_PEAK = NotMeasured("the peak of memory while pruning was not recorded")


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took to prune the model once: seconds and peak memory, medians over the cells of one machine.

    The peak holds the model itself.
    """

    seconds: Number
    peak: Number
    cells: int


@dataclass(frozen=True, slots=True)
class Line:
    """One way to choose what goes: a criterion, what its sparsity counts over, how it is shared among layers, and in
    words the options that are not its defaults."""

    criterion: str
    scope: str
    allocation: str
    options: str
    curve: Curve
    cost: Cost

    @property
    def name(self) -> str:
        said = criterion_label(self.criterion), self.options, SCOPES[self.scope], allocation_words(self.allocation)
        return ", ".join(filter(None, said))

    def at(self, sparsity: float) -> Point | None:
        """The measured point at a sparsity."""
        return next((point for point in self.curve.measured if abs(point.sparsity - sparsity) < 1e-9), None)

    @property
    def cliffs(self) -> tuple[Crossing, ...]:
        return tuple(self.curve.crossing(factor) for factor in MASS_FACTORS)


@dataclass(frozen=True, slots=True)
class Criteria:
    """The lines of one model and target, the suite's order; `sparsities` are those that two or more lines share.

    `hardware` is the machine that the costs are of, None where none was recorded.
    """

    model: str
    what: str
    lines: tuple[Line, ...]
    sparsities: tuple[float, ...]
    hardware: str | None

    def line(self, criterion: str, allocation: str = "uniform") -> Line | None:
        """The line of a criterion with its default options; of several scopes the one with the most points."""
        found = [x for x in self.lines if (x.criterion, x.allocation, x.options) == (criterion, allocation, "")]
        return max(found, key=lambda line: len(line.curve.measured), default=None)

    @property
    def chosen(self) -> tuple[Line, ...]:
        """The lines that choose, random removal left out."""
        return tuple(line for line in self.lines if line.criterion != "random")

    @property
    def looking(self) -> tuple[str, ...]:
        """The criteria among them that look at activations, by name."""
        names = dict.fromkeys(line.criterion for line in self.lines)
        return tuple(name for name in names if name in CRITERIA and CRITERIA[name].calibrated)

    @property
    def priced(self) -> tuple[Line, ...]:
        """The lines that choose, where their time and peak memory are known."""
        return tuple(x for x in self.chosen if isinstance(x.cost.seconds, float) and isinstance(x.cost.peak, float))

    @property
    def furthest(self) -> Line:
        """The line that stays within the tolerance longest."""
        return max(self.chosen, key=lambda line: (line.cliffs[0].below, -self.lines.index(line)))

    @property
    def moved(self) -> Verdict:
        """Whether some line's cliff lies beyond magnitude's, by the intervals along both curves."""
        usual = self.line("magnitude")
        others = [line.cliffs[0] for line in self.chosen if line.criterion != "magnitude"]
        if usual is None or not others:
            return Verdict.UNKNOWN
        cliff = usual.cliffs[0]
        if any(_apart(cliff.certain_above, other.certain_below) for other in others):
            return Verdict.HOLDS
        before = all(_apart(other.certain_above, cliff.certain_below) for other in others)
        return Verdict.FAILS if before else Verdict.UNKNOWN


def criteria_of(model: str, cells: Iterable[Cell]) -> Criteria | None:
    """The target that most lines were measured on; None unless there are two ways to choose, random removal aside."""
    targets: dict[str, dict[Way, list[Cell]]] = {}
    for cell in cells:
        e = cell.experiment
        if not (e.unpruned or e.pattern or e.baseline_precision or e.recovery or e.budget is not None):
            key = e.criterion, e.scope, e.allocation, option_words(e.criterion, e.variant, e.cycles)
            targets.setdefault(e.what, {}).setdefault(key, []).append(cell)
    what = min(targets, key=lambda name: (-_chosen(targets[name]), breadth(name), name), default=None)
    if what is None or _chosen(targets[what]) < 2:
        return None
    found = targets[what]
    hardware = _machine(cell for group in found.values() for cell in group)
    lines = [_line(model, what, key, found[key], hardware) for key in sorted(found, key=_order)]
    measured = tuple(line for line in lines if line.curve.measured and not _outdone(line, lines))
    counts = Counter(p.sparsity for line in measured if line.criterion != "random" for p in line.curve.measured)
    shared = tuple(sorted(s for s, count in counts.items() if count > 1))
    return Criteria(model, what, measured, shared, hardware) if shared else None


def _chosen(lines: Mapping[Way, list[Cell]]) -> int:
    return sum(key[0] != "random" and any(cell.done for cell in group) for key, group in lines.items())


def _order(key: Way) -> tuple[Rank, bool, str, str]:
    criterion, scope, allocation, options = key
    return criterion_rank(criterion), allocation != "uniform", options, scope


def _outdone(line: Line, lines: Iterable[Line]) -> bool:
    """Whether it is a single point, and another scope of the same criterion has a curve: the point makes no line."""
    way = line.criterion, line.allocation, line.options
    same = [one for one in lines if (one.criterion, one.allocation, one.options) == way]
    return len(line.curve.measured) < 2 and any(len(one.curve.measured) > 1 for one in same)


def _line(model: str, what: str, key: Way, cells: list[Cell], hardware: str | None) -> Line:
    by_sparsity = groupby(sorted(cells, key=lambda cell: (cell.sparsity, cell.order)), key=lambda cell: cell.sparsity)
    points = tuple(Point(sparsity, tuple(same)) for sparsity, same in by_sparsity)
    return Line(*key, Curve(model, key[0], what, points), _cost(cells, hardware))


def _machine(cells: Iterable[Cell]) -> str | None:
    """The hardware that most of the cells were pruned on: times are of one machine, or none."""
    counts = Counter(cell.record.environment.hardware for cell in cells if cell.done)
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def _cost(cells: Iterable[Cell], hardware: str | None) -> Cost:
    own = [cell for cell in cells if cell.done and cell.record.environment.hardware == hardware]
    pruned = [cell.record.pruning for cell in own if cell.record.pruning]
    peaks = [p.peaks.bytes for p in pruned if p.peaks and p.peaks.bytes is not None]
    seconds = float(median(p.seconds for p in pruned)) if pruned else NO_TIME
    return Cost(seconds, float(median(peaks)) if peaks else NO_PEAK, len(pruned))


def _apart(high: float | None, low: float | None) -> bool:
    return high is not None and low is not None and high <= low
