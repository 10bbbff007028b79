"""The search for a ticket: held-out loss against the weights that remain, arm beside arm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes

from suite.analysis.ticket.facts import TicketFacts
from suite.analysis.ticket.seeds import Seeds
from suite.records.experiment import Arm
from suite.report.figures.style import Label, Style, fitting_label, log_axis, right_labels, root, series
from suite.report.format import remain
from suite.report.theme import theme

NAMES: dict[Arm, str] = {
    "ticket": "ticket",
    "random-reinit": "fresh values",
    "learning-rate-rewinding": "rate rewinding",
    "small-dense": "small and dense",
    "random": "random mask",
}
WIDE, TALL = 26.0, 13.0  # ems of a figure from which there is room for every mark, and for words among them
CLASSIC: tuple[Arm, ...] = ("ticket", "random-reinit", "random")  # what a small figure has room for
BAND = 0.16  # opacity, of the range over seeds


@dataclass(frozen=True, slots=True)
class Line:
    """An arm as it is drawn: the losses by share remaining, nats a token."""

    name: str
    colour: str
    marker: str
    points: tuple[tuple[float, Seeds], ...]


def ticket(axes: Axes, found: TicketFacts, style: Style) -> None:
    """A line for each arm, means over seeds, in a band from the least to the largest; the dense networks across."""
    room = root(axes).get_size_inches() * 72 / style.size  # ems
    lines = list(lines_of(found, whole=room[0] > WIDE))
    if not lines:
        raise ValueError("no ticket was trained")
    losses = [loss for line in lines for _, seeds in line.points for loss in seeds.numbers] + [*found.plateau.numbers]
    base = over_floor(found, losses)
    every = 1 if room[0] > WIDE else 2  # of the tickets: controls have fewer levels
    labels = [
        Label(draw_line(axes, line, base, every if len(line.points) > 8 else 1), line.name, line.colour)
        for line in lines
    ]
    labels += across(axes, found, base, style)
    shares = [100 * share for line in lines for share, _ in line.points]
    log_axis(axes.xaxis, min(shares) * 0.94, 106, "\u00a0%", () if room[0] > WIDE else (1,))
    axes.invert_xaxis()
    axes.set_xlabel("weights remaining (log)")
    if base:
        log_axis(axes.yaxis, (min(losses) - base) * 0.85, (max(losses) - base) * 1.15)
    axes.set_ylabel(loss_label(axes, base, style))
    axes.grid(axis="y")
    if found.matched:
        _mark(axes, found.matched.remaining, style, named=room[1] > TALL)
    right_labels(axes, labels, style)


def lines_of(found: TicketFacts, whole: bool = True) -> Iterator[Line]:
    """The arms that were trained, or the classic ones of them; of the controls, those beside the earliest rewind."""
    for place, (arm, name) in enumerate(NAMES.items()):
        if arm not in CLASSIC and not whole:
            continue
        rewinds = found.rewinds[: None if arm == "ticket" and whole else 1] if arm in CLASSIC else (0.0,)
        for later, rewind in enumerate(rewinds):
            points = tuple((one.remaining, one.losses) for one in found.line(arm, rewind) if one.losses.n)
            if points:
                colour, marker = (
                    (theme().control, "X") if arm == "random" else series(len(NAMES) + later - 1 if later else place)
                )
                yield Line(f"rewound to {100 * rewind:g}\u00a0%" if later else name, colour, marker, points)


def draw_line(axes: Axes, line: Line, base: float, every: int = 1) -> float:
    """An arm, and the range over its seeds around it; where its last mean lies. Every so many points has a marker."""
    shares = [100 * share for share, _ in line.points]
    values = [[loss - base for loss in seeds.numbers] for _, seeds in line.points]
    means = [sum(own) / len(own) for own in values]
    axes.fill_between(shares, list(map(min, values)), list(map(max, values)), color=line.colour, alpha=BAND, lw=0)
    axes.plot(shares, means, color=line.colour, marker=line.marker, markevery=every, clip_on=False, zorder=3)
    return means[-1]


def across(axes: Axes, found: TicketFacts, base: float, style: Style) -> list[Label]:
    """What does not depend on a level: the dense network trained longer with the margin above it, and the floor."""
    labels = []
    ink, mute = theme().colours["ink"], theme().colours["mute"]
    if isinstance(plateau := found.plateau.mean, float):
        axes.axhspan(plateau - base, plateau - base + found.margin, color=theme().colours["paleblue"], lw=0, zorder=0)
        axes.axhline(plateau - base, color=ink, ls=(0, (5, 3)), lw=style.line * 0.6)
        labels.append(Label(plateau - base, "dense, longer", ink, bold=False))
    if not base and isinstance(found.floor, float):
        axes.axhline(found.floor, color=mute, ls=(0, (2, 2)), lw=style.line * 0.5)
        labels.append(Label(found.floor, "the grammar", mute, bold=False))
    return labels


def loss_label(axes: Axes, base: float, style: Style, share: float = 1.0) -> str:
    """What the vertical axis of losses says, as fully as its length allows (see `fitting_label`)."""
    if not base:
        return fitting_label(axes, "held-out loss (nats a token)", "loss (nats)", style, share)
    shorter = fitting_label(axes, "nats over floor (log)", "over floor", style, share)
    return fitting_label(axes, "nats over the grammar’s floor (log)", shorter, style, share)


def _mark(axes: Axes, share: float, style: Style, named: bool) -> None:
    """Down to where the ticket matches; its words stand on the side of the denser networks, whose losses are low."""
    accent = theme().colours["accent"]
    axes.axvline(100 * share, color=accent, lw=style.line * 0.5)
    if not named:
        return
    first_half = axes.transAxes.inverted().transform(axes.transData.transform((100 * share, 1)))[0] < 0.4
    axes.annotate(
        f"the ticket matches\ndown to {remain(share)}",
        (100 * share, 1),
        xycoords=("data", "axes fraction"),
        xytext=(style.size * (0.4 if first_half else -0.4), 0),
        textcoords="offset points",
        ha="left" if first_half else "right",
        va="top",
        color=accent,
    )


def over_floor(found: TicketFacts, losses: Iterable[float]) -> float:
    """What is taken away from losses: the floor, where all lie above it, so that a log axis can show them; else 0."""
    floor = found.floor
    return floor if isinstance(floor, float) and floor < min([*losses, *found.plateau.numbers]) else 0.0
