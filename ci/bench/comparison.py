"""What `against_plain.py` found, held together: the figures, the table, and what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from sides import Likeness

from suite.bench.figures import Row, Target, at_least, row
from suite.protocol import NEW_TOKENS

# Times faster than the plain script in float32. A target of 4 in bfloat16 beside the script in bfloat16 was wrong: the
# matrix products, which both sides compute alike, take more than a quarter of the script's time.
TARGETS = {"float32": 2.0, "bfloat16": 4.0}
SAME = 1e-5  # relative: float32 perplexities this close are equal


@dataclass
class Comparison:
    """Both sides in one dtype: seconds by stage, a value a cell, and how alike the results are."""

    dtype: str
    stored: str  # the dtype of the model's files
    suite: Mapping[str, list[float]] = field(default_factory=dict)  # by stage
    plain: list[dict[str, float]] = field(default_factory=list)  # by cell
    alike: list[Likeness] = field(default_factory=list)
    writing: list[tuple[float, float]] = field(default_factory=list)  # seconds, the plain script's and the suite's
    same_words: bool = True

    @property
    def precision(self) -> str:
        return self.dtype if self.stored == self.dtype else f"{self.dtype} of {self.stored} files"

    @property
    def cells(self) -> int:
        return len(self.plain)

    @property
    def plain_total(self) -> float:
        return sum(sum(cell.values()) for cell in self.plain)

    @property
    def suite_total(self) -> float:
        return sum(map(sum, self.suite.values()))

    def of_plain(self, stage: str) -> list[float]:
        return [cell[stage] for cell in self.plain if stage in cell]

    @property
    def apart(self) -> float:
        """How far the perplexities of the cells with equal masks are apart at most, the dense one's among them."""
        return max(one.perplexity for one in self.alike if not one.differing)

    @property
    def words(self) -> str:
        return "the same words" if self.same_words else "other words"

    def likeness(self) -> str:
        """How far both sides came to the same, in a sentence."""
        others = [one for one in self.alike if one.differing]
        equal = self.cells - len(others)
        said = f"masks equal in {equal} of {self.cells} cells, perplexities there {self.apart:.1e} apart"
        if not others:
            return said
        differing, furthest = sum(one.differing for one in others), max(one.perplexity for one in others)
        return f"{said}; {differing:,} weights of equal magnitude chosen otherwise in the others, {furthest:.1e} apart"

    def trouble(self) -> str | None:
        """What is not as it should be."""
        if not all(one.zeros and one.ties for one in self.alike):
            return f"{self.dtype}: masks differ in more than the choice among equal magnitudes"
        if self.dtype == "float32" and self.apart > SAME:
            return f"float32: perplexities are {self.apart:.1e} apart where the masks are the same"
        return None


def rows_of(one: Comparison, size: str) -> Iterator[Row]:
    """The comparison's figures: how many times faster the suite is, in all and stage by stage."""
    where, load = f"{size}, {one.precision}, beside the plain script", one.of_plain("load")
    note = f"{one.cells} cells: {one.plain_total:.1f} s against {one.suite_total:.1f} s; {one.likeness()}"
    whole = one.plain_total / one.suite_total
    yield row("study", f"phase 2, {where}", [whole], "times", target=beside_script(one.dtype), note=note)
    yield row("load", f"phase 2, {where}", [load[0] / one.suite["load"][0]], "times")
    yield row("restore", f"phase 2, {where}", ratios(load[1:], one.suite["restore"]), "times", note="which loads again")
    yield row("prune", f"phase 2, {where}", ratios(one.of_plain("prune"), one.suite["prune"]), "times")
    yield row("evaluate", f"phase 2, {where}", ratios(one.of_plain("evaluate"), one.suite["evaluate"]), "times")
    ours = [theirs / ours for theirs, ours in one.writing]
    yield row("generate", f"{NEW_TOKENS} tokens, {where}", ours, "times", note=one.words)


def beside_script(dtype: str) -> Target | None:
    """What the suite should reach beside the script in the same dtype."""
    return at_least(TARGETS[dtype]) if dtype == "float32" else None


def across(found: Mapping[str, Comparison], size: str) -> Row:
    """The suite in bfloat16 beside the script in float32, the usual choice on a processor."""
    times = found["float32"].plain_total / found["bfloat16"].suite_total
    what = f"phase 2, {size}, bfloat16, beside the plain script in float32"
    return row("study", what, [times], "times", target=at_least(TARGETS["bfloat16"]))


def ratios(theirs: list[float], ours: list[float]) -> list[float]:
    """Cell by cell."""
    return [their / our for their, our in zip(theirs, ours, strict=True)]


def show(one: Comparison) -> None:
    """The stages side by side, each side's seconds in all and at the median of the cells; and what is alike."""
    ours, load = one.suite, one.of_plain("load")
    sides: list[tuple[str, list[float], list[float]]] = [("text", [], ours["text"]), ("load", load[:1], ours["load"])]
    sides += [(stage, one.of_plain(stage), ours[stage]) for stage in ("prune", "evaluate")]
    sides += [("restore", load[1:], ours["restore"]), ("check", [], [*ours["keep"], *ours["check"]])]
    print(f"\n{one.precision}, {one.cells} cells: seconds in all (at the median of the cells)")
    print(f"{'':10} {'plain script':>20} {'suite':>20} {'times':>7}")
    for stage, theirs, suite in sides:
        both = f"{sum(theirs) / sum(suite):7.1f}" if theirs else ""
        print(f"{stage:10} {shown(theirs):>20} {shown(suite):>20} {both}")
    whole = one.plain_total / one.suite_total
    print(f"{'in all':10} {one.plain_total:10.2f} {'':9} {one.suite_total:10.2f} {'':9} {whole:7.1f}")
    theirs, suite = (median(side) for side in zip(*one.writing, strict=True))
    print(f"writing {NEW_TOKENS} tokens: {theirs:.2f} s, {suite:.2f} s, {theirs / suite:.2f} times; {one.words}")
    print(one.likeness())


def shown(seconds: list[float]) -> str:
    return f"{sum(seconds):10.2f} ({median(seconds):6.2f})" if seconds else ""
