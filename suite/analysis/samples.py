"""What a model says: one prompt, continued at every sparsity of a curve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve
from suite.analysis.values import NotMeasured


@dataclass(frozen=True, slots=True)
class Utterance:
    """One continuation, as it came out, with the verdict on all continuations of its cell."""

    cell: Cell
    prompt: str
    text: str
    verdict: str | NotMeasured


def utterances(dense: Cell | NotMeasured, curve: Curve | None) -> tuple[Utterance, ...]:
    """The dense model's continuation and each pruned one's, of the first prompt that most of them share."""
    cells = [] if isinstance(dense, NotMeasured) else [dense]
    cells += [cell for point in (curve.points if curve else ()) for cell in point.cells[:1]]
    prompts = _prompts(cells)
    if not prompts:
        return ()
    prompt = max(prompts, key=lambda p: (prompts[p], -list(prompts).index(p)))
    found = []
    for cell in cells:
        if isinstance(generation := cell.generation, NotMeasured):
            continue
        text = next((sample.text for sample in generation.samples if sample.prompt == prompt), None)
        if text is not None:
            verdict = c if isinstance(c := cell.coherence, NotMeasured) else c.verdict
            found.append(Utterance(cell, prompt, text, verdict))
    return tuple(found)


def selection(found: tuple[Utterance, ...], most: int, marked: Iterable[float] = ()) -> tuple[Utterance, ...]:
    """At most so many of them: the first and the last, those at the `marked` sparsities, the others evenly spaced."""
    last = len(found) - 1
    wanted = [0, last] + [i for s in marked for i, u in enumerate(found) if u.cell.sparsity == s]
    wanted += [round(i * last / max(most - 1, 1)) for i in range(most)] + list(range(len(found)))
    chosen = sorted(list(dict.fromkeys(wanted))[:most])
    return tuple(found[i] for i in chosen) if found else ()


def _prompts(cells: Iterable[Cell]) -> dict[str, int]:
    """How many cells continued each prompt, in the order they came."""
    counts: dict[str, int] = {}
    for cell in cells:
        if not isinstance(generation := cell.generation, NotMeasured):
            for prompt in dict.fromkeys(sample.prompt for sample in generation.samples):
                counts[prompt] = counts.get(prompt, 0) + 1
    return counts
