"""What a study's models write: so many prompts, continued by so many tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from suite.errors import InputError
from suite.manifest.entries import GenerationEntry
from suite.models.source import ModelSource
from suite.protocol import GRAM, JUDGED_PROMPTS
from suite.records.experiment import Continuation, Measure

# The fewest prompts of a verdict (rule 20); and the fewest tokens of which a sequence can repeat.
JUDGED = (JUDGED_PROMPTS, GRAM + 1)
PROMPT = 64  # positions that leave room for a prompt: none that ships has so many characters


def continuation(entry: GenerationEntry, measure: Collection[Measure], model: ModelSource, at: str) -> Continuation:
    """What the model writes in a cell; the usual where it does not write, so that the cell's id does not depend on it.

    Args:
        at: where the entry stands in the file.

    Raises:
        InputError: too little for a verdict on coherence, or more tokens than the model has positions for.
    """
    if not {"generation", "coherence"} & set(measure):
        return Continuation()
    asked, usual = Continuation(prompts=entry.prompts, tokens=entry.tokens), Continuation()
    if "coherence" in measure and (asked.prompts < JUDGED[0] or asked.tokens < JUDGED[1]):
        raise InputError(
            f"{at}: coherence is judged on {JUDGED[0]} prompts or more of {JUDGED[1]} new tokens or more, and this is "
            f"{asked.words}; ask for as many, or leave `coherence` out of `measure`"
        )
    if asked.tokens > max(usual.tokens, model.anatomy.context - PROMPT):
        raise InputError(
            f"{at}: a prompt and {asked.tokens} new tokens are more than the {model.anatomy.context} positions of "
            f"model {model.name!r}; set `tokens: {max(usual.tokens, model.anatomy.context - PROMPT)}` or less"
        )
    return asked


def agreed(asked: Mapping[Continuation, str], model: ModelSource) -> Continuation | None:
    """What all cells of a model write, None where none does: the dense model, which they are held against, writes once.

    Args:
        asked: what cells write, each with where that is said first.

    Raises:
        InputError: two cells write differently.
    """
    if len(asked) > 1:
        (one, here), (other, there) = list(asked.items())[:2]
        raise InputError(
            f"{there}: {other.words} are asked for of {model.name!r}, and {one.words} at {here}, while its dense model "
            "writes once, for all to be held against; give one `generation`, or make it two studies"
        )
    return next(iter(asked), None)
