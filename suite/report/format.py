"""Every number in the reports passes one of these filters; a value that was not measured prints as n/m."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from suite.analysis.values import NotMeasured
from suite.protocol import TOLERANCE
from suite.report.glyphs import clip
from suite.report.theme import blend, theme

P = ParamSpec("P")
UNIT_SPACE = "\u00a0"  # between a number and its unit, so that they stay on one line
MINUS = "\u2212"


class FormatError(TypeError):
    """A value reached the page without a filter that says how it is printed, or a filter got what it cannot print."""


class Missing(str):
    """Stands in a text for a value that was not measured; how it looks is the medium's to say."""

    __slots__ = ("reason",)
    reason: str

    def __new__(cls, reason: str) -> Missing:
        text = super().__new__(cls, "n/m")
        text.reason = reason
        return text


def measured(function: Callable[Concatenate[float, P], str]) -> Callable[Concatenate[Any, P], str]:
    """Let a filter see numbers only: what was not measured prints as n/m, anything else is a fault."""

    @wraps(function)
    def filter_(value: Any, /, *args: P.args, **kwargs: P.kwargs) -> str:
        if isinstance(value, NotMeasured):
            return Missing(value.reason)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise FormatError(
                f"{function.__name__} cannot print {value}"
            )  # an undefined value raises its own error here
        return function(value, *args, **kwargs)

    return filter_


@measured
def num(value: float, decimals: int = 2) -> str:
    """A plain number with a fixed count of decimals and thousands separators."""
    shown = f"{value:,.{decimals}f}"
    return shown.replace("-", MINUS if shown.strip("-0.,") else "")


@measured
def ppl(value: float) -> str:
    """A perplexity as prose prints it: about four digits."""
    decimals = 2 if value < 100 else 1 if value < 1000 else 0
    return f"{value:,.{decimals}f}" if value < 1e7 else _scientific(value, 3)


@measured
def sig(value: float, digits: int = 5) -> str:
    """A number to so many significant figures, for tables that a reader compares against."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 9:
        return _scientific(value, digits)
    return f"{value:,.{max(digits - 1 - magnitude, 0)}f}".replace("-", MINUS)


@measured
def pct(value: float, decimals: int | None = None) -> str:
    """A share in per cent; without `decimals`, one only where it is needed."""
    percent = 100 * value
    if decimals is None:
        decimals = 0 if abs(percent - round(percent)) < 0.05 else 1
    return f"{percent:,.{decimals}f}{UNIT_SPACE}%".replace("-", MINUS)


@measured
def remain(value: float) -> str:
    """The share of weights that remain, in per cent: the sparsest levels differ in the second decimal."""
    return pct(value, 2 if abs(value) < 0.00995 else 1)


@measured
def change(value: float) -> str:
    """A ratio as a rise or fall: 1.1 prints +10 %, 0.5 prints -50 %; from a tenfold rise on, as a multiple."""
    if value >= 10:
        return times(value)
    percent = 100 * (value - 1)
    decimals = 1 if abs(percent) < 19.95 else 0
    return f"{percent:+,.{decimals}f}{UNIT_SPACE}%".replace("-", MINUS)


@measured
def times(value: float) -> str:
    """A ratio as a multiple."""
    return f"{multiple(value)}\u00d7"


@measured
def multiple(value: float) -> str:
    """A ratio as a multiple where the unit is said elsewhere, as in a table's cells."""
    if value >= 1e4:
        return _scientific(value, 2)
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


@measured
def whole(value: float) -> str:
    """A count; registered as the filter `int`."""
    if value != int(value):
        raise FormatError(f"int cannot print {value!r}: it is not a whole number")
    return f"{int(value):,}".replace("-", MINUS)


@measured
def dur(value: float) -> str:
    """Seconds as a person says them."""
    if value < 60:
        return f"{value:.2g}{UNIT_SPACE}s" if value < 10 else f"{value:.0f}{UNIT_SPACE}s"
    minutes = value / 60
    return f"{minutes:.1f}{UNIT_SPACE}min" if minutes < 60 else f"{minutes / 60:.1f}{UNIT_SPACE}h"


@measured
def size(value: float) -> str:
    """Bytes in decimal units; registered as the filter `bytes`."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.{0 if unit == 'B' else 1 if value >= 10 else 2}f}{UNIT_SPACE}{unit}"
        value /= 1000
    return f"{value:,.1f}{UNIT_SPACE}TB"


@measured
def pt(value: float) -> str:
    """A length of the layout in points, for attributes."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", MINUS)


def known(value: object, most: int = 60) -> str:
    """A text that may not have been recorded, clipped; n/m where it was not."""
    return Missing(value.reason) if isinstance(value, NotMeasured) else clip(str(value), most)


def digest(value: object) -> str:
    """The first digits of a SHA-256, enough to compare by eye."""
    return Missing(value.reason) if isinstance(value, NotMeasured) else str(value)[:10]


def shade(value: object, worst: float) -> str:
    """The background of a ratio's cell: the darker the more harm (see `harm`)."""
    colours = theme().colours
    share = harm(value, worst)
    return colours["missing"] if share is None else blend("#FFFFFF", colours["heat"], share)


def harm(value: object, worst: float) -> float | None:
    """How far a ratio is from unharmed (0) to `worst` or tenfold (1), on a log scale; None: not measured."""
    if isinstance(value, NotMeasured):
        return None
    if not isinstance(value, float):
        raise FormatError(f"shade cannot colour {value!r}")
    span = math.log(min(max(worst, TOLERANCE), 10.0))
    return min(math.log(max(value, 1.0)) / span, 1.0)


FILTERS: dict[str, Callable[..., str]] = {
    "multiple": multiple,
    "known": known,
    "digest": digest,
    "num": num,
    "ppl": ppl,
    "sig": sig,
    "pct": pct,
    "remain": remain,
    "change": change,
    "ratio": times,
    "int": whole,
    "dur": dur,
    "bytes": size,
    "pt": pt,
}
