"""What the model says: the continuations of one prompt, dense and pruned, as they came."""

from __future__ import annotations

from dataclasses import dataclass

from suite.analysis.facts import Facts
from suite.analysis.samples import Utterance, selection
from suite.report.section import Block, Section


@dataclass(frozen=True, slots=True)
class Samples:
    """Continuations of the first model; `marked` are the sparsities on either side of the headline's."""

    model: str
    utterances: tuple[Utterance, ...]
    marked: tuple[float, ...]

    def most(self, count: int) -> tuple[Utterance, ...]:
        return selection(self.utterances, count, self.marked)


def find(facts: Facts) -> Samples | None:
    if not facts.models or not facts.main.utterances:
        return None
    return Samples(facts.main.name, facts.main.utterances, facts.headline.marked if facts.headline else ())


SECTION = Section(
    key="samples",
    title="What the model says",
    find=find,
    quotes=lambda found, most: found.most(most),
    poster=Block("left", levels=5),
)
