"""One cell measured twice, here and there: check by check, whether the second measurement reproduces the first."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from enum import StrEnum

from suite.analysis.cells import Cell
from suite.analysis.values import NotMeasured, Number
from suite.comparison.differences import differing
from suite.comparison.tolerance import allowed, both_past
from suite.protocol import AGREEMENT, SAMPLED_WEIGHTS
from suite.pruning.sample import agreement

# What fixes the tokens.
PROTOCOL = ("text_sha256", "tokenizer_sha256", "bos", "join", "context", "stride", "windows", "text_windows")
EXAM = ("text_sha256", "tokenizer_sha256", "windows")  # what fixes those of a training's held-out loss


class Outcome(StrEnum):
    EQUAL = "equal"
    DIFFERS = "differs"
    NOT_COMPARABLE = "not comparable"
    NOTED = "noted"  # said, and decides nothing


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of both sides; `reason` is a few words that make sense without the name."""

    name: str
    outcome: Outcome
    reason: str = ""


def check_all(here: Cell, there: Cell, speed: tuple[Number, Number]) -> tuple[Check, ...]:
    """Every check of a cell in the order they build on each other; only the first where a side failed.

    Args:
        speed: decode speed over each side's own dense run, here and there.
    """
    status = _status(here, there)
    if not (here.done and there.done):
        return (status,)
    return (*_measured(here, there, status, speed), *_plugins(here, there))


def _measured(here: Cell, there: Cell, status: Check, speed: tuple[Number, Number]) -> tuple[Check, ...]:
    if there.experiment.training:
        measurement = _exam(here, there)
        return status, measurement, _own_mask(here, there), _perplexity(here, there, measurement)
    if there.experiment.sequential:
        return status, _mask(here, there), _decision(here, there)
    if not set(here.experiment.measure) & set(there.experiment.measure):
        return status, Check("measurement", Outcome.DIFFERS, "nothing that both measured")
    measurement = _measurement(here, there)
    return (
        status,
        measurement,
        _mask(here, there),
        _perplexity(here, there, measurement),
        _coherence(here, there),
        _speed(here, there, speed),
    )


def _plugins(here: Cell, there: Cell) -> tuple[Check, ...]:
    """Said where other packages, or other versions of them, brought a part of the experiment: it may be why."""
    mine, theirs = (cell.record.environment.plugin_words for cell in (here, there))
    if mine == theirs:
        return ()
    reason = f"plug-ins: {mine or 'none'} here, {theirs or 'none'} there"
    return (Check("plug-ins", Outcome.NOTED, reason),)


def _status(here: Cell, there: Cell) -> Check:
    if here.done and there.done:
        return Check("status", Outcome.EQUAL)
    if not here.done and not there.done:
        mine, theirs = _why(here), _why(there)
        why = mine if mine == theirs else f"{mine} here, {theirs} there"
        return Check("status", Outcome.EQUAL, f"failed on both sides: {why}")
    where, failed = ("here", here) if there.done else ("there", there)
    return Check("status", Outcome.DIFFERS, f"failed {where}: {_why(failed)}")


def _why(failed: Cell) -> str:
    return textwrap.shorten(failed.missing.reason, 120, placeholder=" ...")


def _measurement(here: Cell, there: Cell) -> Check:
    """Whether the perplexities are of the same tokens; one that only they have was not reproduced."""
    name = "measurement"
    if isinstance(theirs := there.quality, NotMeasured):
        return Check(name, Outcome.NOT_COMPARABLE, "the perplexity was not measured there")
    if isinstance(mine := here.quality, NotMeasured):
        return Check(name, Outcome.DIFFERS, "the perplexity was not measured here")
    found = differing(mine.protocol, theirs.protocol, PROTOCOL)
    if "context" in found or "bos" in found:
        found.pop("stride", None)  # follows from them
    if found.keys() - {"windows", "text_windows"}:  # from which their numbers follow
        found.pop("windows", None)
        found.pop("text_windows", None)
    return Check(name, Outcome.DIFFERS if found else Outcome.EQUAL, "; ".join(found.values()))


def _exam(here: Cell, there: Cell) -> Check:
    """Whether the held-out losses of a training are of the same tokens."""
    name, mine, theirs = "measurement", here.record.training, there.record.training
    if mine is None or theirs is None:
        where = "here" if mine is None else "there"
        return Check(name, Outcome.DIFFERS, f"the record {where} does not say what the training came to")
    found = differing(mine, theirs, EXAM)
    return Check(name, Outcome.DIFFERS if found else Outcome.EQUAL, "; ".join(found.values()))


def _decision(here: Cell, there: Cell) -> Check:
    """What a step of a search told. Rounding may end it a batch earlier or later, or leave open what one side told."""
    name, mine, theirs = "measurement", here.record.sequential, there.record.sequential
    if mine is None or theirs is None:
        where = "here" if mine is None else "there"
        return Check(name, Outcome.DIFFERS, f"the record {where} does not say what the step told")
    if found := differing(mine.protocol, theirs.protocol, PROTOCOL):
        return Check(name, Outcome.DIFFERS, "; ".join(found.values()))
    if any({mine.exceeds.get(factor), told} == {True, False} for factor, told in theirs.exceeds.items()):
        return Check(name, Outcome.DIFFERS, f"{mine.words} here, {theirs.words} there")
    if mine.exceeds != theirs.exceeds or mine.windows != theirs.windows:
        said = f"{mine.words} after {mine.windows} windows here, {theirs.words} after {theirs.windows} there"
        return Check(name, Outcome.NOTED, said)
    return Check(name, Outcome.EQUAL)


def _own_mask(here: Cell, there: Cell) -> Check:
    """A training's mask comes of trainings before it, where one rounding leads to the next: another is no failure."""
    name, mine, theirs = "mask", here.record.pruning, there.record.pruning
    if mine is None or theirs is None:
        return Check(name, Outcome.NOT_COMPARABLE, "nothing was pruned")
    if mine.mask_digest == theirs.mask_digest:
        return Check(name, Outcome.EQUAL)
    return Check(name, Outcome.NOTED, "another mask, as rounding leads to")


def _mask(here: Cell, there: Cell) -> Check:
    """Magnitude and random masks follow from the checkpoint (and the seed) alone: equal on any machine. Those of
    criteria that look at activations agree but for weights near the threshold."""
    name, mine, theirs = "mask", here.record.pruning, there.record.pruning
    if mine is None and theirs is None:
        return Check(name, Outcome.NOT_COMPARABLE, "nothing was pruned")
    if mine and theirs and mine.mask_digest == theirs.mask_digest:
        return Check(name, Outcome.EQUAL)
    if mine is None or theirs is None or mine.mask_sample is None or theirs.mask_sample is None:
        return Check(name, Outcome.DIFFERS, "the mask differs")
    agreed = agreement(mine.mask_sample, theirs.mask_sample)
    said = f"the masks agree on {100 * agreed:.2f} % of {SAMPLED_WEIGHTS:,} sampled weights"
    if agreed >= AGREEMENT:
        return Check(name, Outcome.EQUAL, said)
    return Check(name, Outcome.DIFFERS, f"{said} ({100 * AGREEMENT:g} % wanted)")


def _perplexity(here: Cell, there: Cell, measurement: Check) -> Check:
    name = "perplexity"
    mine, theirs, bound = here.perplexity, there.perplexity, allowed(here, there)
    if measurement.outcome is not Outcome.EQUAL or isinstance(mine, NotMeasured) or isinstance(theirs, NotMeasured):
        return Check(name, Outcome.NOT_COMPARABLE, "not of the same tokens")
    if mine == theirs:
        return Check(name, Outcome.EQUAL)
    if isinstance(bound, NotMeasured):
        return Check(name, Outcome.EQUAL if both_past(here, there) else Outcome.DIFFERS, bound.reason)
    if abs(math.log(mine / theirs)) <= bound:
        return Check(name, Outcome.EQUAL)
    off, way = 100 * abs(mine / theirs - 1), "higher" if mine > theirs else "lower"
    return Check(name, Outcome.DIFFERS, f"the perplexity is {off:.2g} % {way} here ({100 * bound:.2g} % allowed)")


def _coherence(here: Cell, there: Cell) -> Check:
    mine, theirs = here.coherence, there.coherence
    if isinstance(mine, NotMeasured) or isinstance(theirs, NotMeasured):
        return Check("verdict", Outcome.NOT_COMPARABLE, "not judged on both sides")
    if found := differing(here.experiment, there.experiment, ["generation"]):
        return Check("verdict", Outcome.NOT_COMPARABLE, found["generation"])
    if mine.verdict == theirs.verdict:
        return Check("verdict", Outcome.EQUAL)
    return Check("verdict", Outcome.DIFFERS, f"writes {mine.verdict} here, {theirs.verdict} there")


def _speed(here: Cell, there: Cell, ratios: tuple[Number, Number]) -> Check:
    """Speeds are noisy and decide nothing; layers that lie elsewhere on one side are another measurement."""
    mine, theirs = _offloaded(here), _offloaded(there)
    if mine != theirs:
        where, other, cell = ("here", "there", here) if mine else ("there", "here", there)
        reason = f"layers offloaded {where} ({cell.record.environment.device_map}), not {other}"
        measured = _both(here.generation, there.generation) or _both(here.memory, there.memory)
        return Check("placement", Outcome.DIFFERS if measured else Outcome.NOTED, reason)
    if (map_here := _spread(here)) != (map_there := _spread(there)):
        return Check("speed", Outcome.NOT_COMPARABLE, f"spread over {map_here} here, {map_there} there")
    if found := differing(here.experiment, there.experiment, ["generation"]):
        return Check("speed", Outcome.NOT_COMPARABLE, found["generation"])
    if _both(*ratios):
        return Check("speed", Outcome.NOTED, f"{ratios[0]:.2f}x here, {ratios[1]:.2f}x there")
    return Check("speed", Outcome.NOT_COMPARABLE, "not timed beside a dense run on both sides")


def _both(here: object, there: object) -> bool:
    return not isinstance(here, NotMeasured) and not isinstance(there, NotMeasured)


def _spread(cell: Cell) -> str:
    """Over how many devices the layers lie: each one's part passes from one to the next."""
    devices = len(cell.record.environment.device_map.split(", "))
    return "one device" if devices == 1 else f"{devices} devices"


def _offloaded(cell: Cell) -> bool:
    """Whether the processor or the disk holds modules beside another device: `cpu: 10 modules, cuda:0: 22 modules`."""
    devices = {part.partition(": ")[0] for part in cell.record.environment.device_map.split(", ")}
    return len(devices) > 1 and bool(devices & {"cpu", "disk"})
