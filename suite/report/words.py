"""Words that poster, paper, supplement and page share: names, targets, intervals, counts. No markup of any medium."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from suite.analysis.cells import Cell
from suite.analysis.models import ModelFacts
from suite.analysis.points import Crossing
from suite.analysis.provenance import TextUse
from suite.analysis.studies import StudyFacts
from suite.analysis.values import NotMeasured
from suite.models.catalogue import model_title
from suite.pruning.criteria import CRITERIA, criterion_label
from suite.records.schema import Interval, Perplexity
from suite.records.wording import criterion_words
from suite.report.format import Missing, multiple, num, pct
from suite.report.glyphs import clip, shorten

LARGE = 100.0  # an interval's upper end from which its ends are printed without decimals
TARGETS = {
    "all": "every linear layer, the head too",
    "blocks": "the linear layers of the blocks",
    "attention": "the attention layers",
    "mlp": "the MLP layers",
    "early": "the early layers",
    "late": "the late layers",
    "embeddings": "the embedding table",
    "lm_head": "the output head",
}


def name(text: str, most: int = 32) -> str:
    """A name of at most so many characters, its middle left out where it is longer."""
    return shorten(model_title(text), most)


def bits(quantisation: str) -> str:
    """How many bits each weight had before it was dequantised: `4 to 8 bits` of `Q4_1 and Q8_0`."""
    widths = sorted({int(width) for width in re.findall(r"Q(\d)", quantisation)})
    if not widths:
        return clip(quantisation, 30)
    return f"{widths[0]} bits" if len(widths) == 1 else f"{widths[0]} to {widths[-1]} bits"


def criterion(word: str) -> str:
    """What pruned, as a sentence names it."""
    return "random removal" if word == "random" else f"{criterion_label(word)} pruning"


def capital(text: str) -> str:
    """The first letter a capital, as a sentence starts; the others as they are."""
    return text[:1].upper() + text[1:]


def target(what: str) -> str:
    """What was pruned, in words that fit a sentence."""
    return TARGETS.get(what) or clip(what, 40)


def plural(count: int, singular: str, many: str | None = None) -> str:
    """The word that goes with a count."""
    return singular if count == 1 else many or f"{singular}s"


def counted(count: int, singular: str, many: str | None = None) -> str:
    return f"{count:,} {plural(count, singular, many)}"


def every(count: int, singular: str, many: str | None = None) -> str:
    """All of so many, in words: `both models`, `all 3 models`."""
    return f"both {many or f'{singular}s'}" if count == 2 else f"all {counted(count, singular, many)}"


def listing(items: Iterable[str], most: int = 6, length: int = 32) -> str:
    """Names in a row, the last after an `and`; how many more there are, where there are too many."""
    names = [name(item, length) for item in items]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def bounds(interval: Interval | NotMeasured, decimals: int = 2) -> str:
    """An interval's ends, in words that fit a sentence; decimals where they say something."""
    if isinstance(interval, NotMeasured):
        return Missing(interval.reason)
    low, high = (
        num(end, decimals) if abs(interval.high) < LARGE else multiple(end) for end in (interval.low, interval.high)
    )
    return f"{low} to {high}"


def with_interval(interval: Interval | NotMeasured, decimals: int = 2) -> str:
    """What follows an estimate: its interval, or nothing where there is none."""
    if isinstance(interval, NotMeasured):
        return ""
    return f" ({pct(interval.level)} interval {bounds(interval, decimals)})"


def cell_name(cell: Cell) -> str:
    """A cell, as a sentence names it."""
    seed = f", seed {cell.experiment.seed}" if cell.experiment.seed is not None else ""
    if cell.experiment.training:
        return f"{name(cell.model)}, {clip(cell.what, 60)}{seed}"
    if cell.experiment.dense:
        return name(cell.model)
    drawn = cell.experiment.criterion == "random"
    return f"{name(cell.model)}, {clip(cell.what, 40)} at {pct(cell.sparsity)}{f' (random{seed})' if drawn else ''}"


def failed(group: Sequence[Cell], most: int) -> str:
    """Failed cells of one model with one reason: the cell, or how many there are, and the reason."""
    first = group[0]
    who = cell_name(first) if len(group) == 1 else f"{len(group)} cells of {name(first.model)}"
    return f"{who}: {clip(first.record.error or 'no reason was recorded', most)}"


def windows(use: TextUse | Perplexity) -> str:
    """How many windows of how many tokens were read, and of how many where it was not the whole text."""
    whole = use.protocol.text_windows
    of = f" of {whole:,}" if whole else ""
    return f"{use.windows:,}{of} {plural(whole or use.windows, 'window')} of {use.protocol.context:,}"


def dequantised(models: Iterable[ModelFacts], length: int = 32) -> str:
    """What the weights of converted models were dequantised from; nothing where no model was converted."""
    return _grouped(models, "quantisation", "{} dequantised from {}", length)


def licences(models: Iterable[ModelFacts]) -> str:
    """The licences of the models whose licence is known."""
    return _grouped(models, "licence", "{} under {}", 32)


def _grouped(models: Iterable[ModelFacts], key: str, form: str, length: int) -> str:
    known = sorted((model for model in models if getattr(model, key)), key=lambda model: str(getattr(model, key)))
    groups = groupby(known, key=lambda model: str(getattr(model, key)))
    return "; ".join(form.format(listing([m.name for m in own], 4, length), clip(kind, 40)) for kind, own in groups)


def crossing(found: Crossing, certain: bool = True) -> str:
    """Where a curve crosses a factor, and if `certain` between which sparsities the text's uncertainty lets it lie."""
    if found.above is None:
        return "not reached"
    between = f"between {pct(found.below)} and {pct(found.above)}"
    if not certain or found.certain_below is None or (found.certain_below, found.certain_above) == (0.0, None):
        return between
    if found.certain_above is None:
        return f"{between} (by the intervals, {pct(found.certain_below)} or more)"
    return f"{between} (by the intervals, {pct(found.certain_below)} to {pct(found.certain_above)})"


def start(rewind: float) -> str:
    """What the weights of a ticket are set back to."""
    return f"their values after {pct(rewind)} of the training" if rewind else "their initial values"


def came(study: StudyFacts, most: int = 60) -> str:
    """Where and when results that came with the suite were measured."""
    first, last = (moment[:10] for moment in study.measured or ("", ""))
    when = first if first == last else f"{first} to {last}"
    return f"{name(study.name)} on {clip(' and '.join(study.hardware), most)}, {when}"


FILTERS: dict[str, Any] = {
    "name": name,
    "bits": bits,
    "criterion": criterion,
    "label": criterion_label,
    "capital": capital,
    "target": target,
    "bounds": bounds,
    "crossing": crossing,
}
GLOBALS: dict[str, Any] = {
    "CRITERIA": CRITERIA,
    "plural": plural,
    "counted": counted,
    "listing": listing,
    "with_interval": with_interval,
    "cell_name": cell_name,
    "criterion_words": criterion_words,
    "failed": failed,
    "windows": windows,
    "dequantised": dequantised,
    "licences": licences,
    "came": came,
    "start": start,
}
