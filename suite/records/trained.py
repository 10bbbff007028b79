"""The section of a network that was trained by itself: what a step of the search for a ticket came to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from suite.records.experiment import Amount, Nats, Part, Share, Some
from suite.records.peaks import Peaks


class Step(Part):
    """A place along a training: steps done, the mean training loss since the place before, and the held-out loss there,
    both in nats a predicted token."""

    step: Some
    loss: Nats
    held_out: Nats


class Overlap(Part):
    """How much of a mask another one of as many survivors keeps too: the share of its survivors, and the share that
    two masks with their numbers of survivors in each tensor would have in common by chance."""

    shared: Share
    chance: Share


class Overlaps(Part):
    """This mask beside others of the same sparsity; None where there is none to hold it against.

    `last` is the mask read from the dense network at the end of its training, in one step; `ticket` that of iterative
    pruning; `other_order` that of iterative pruning from the same initial values under another order of the data.
    """

    last: Overlap | None = None
    ticket: Overlap | None = None
    other_order: Overlap | None = None


class Trained(Part):
    """A training's end. Losses are means over the `tokens` predicted in `windows` of the held-out text, nats a token.

    `floor` is the loss of the text's own grammar on the same tokens. `parameters` are those that learnt: the survivors
    and all that is never pruned; `hidden` and `inner` the widths of a network made smaller, None of one that was not.
    `path` are held-out losses at equal distances on the straight line from the dense network's values to this one's,
    both ends among them. `softmax` is what the exponentials of a token's logits were summed in for these losses. On a
    processor a training is a function of its experiment alone, on a GPU but for rounding.
    """

    loss: Nats
    floor: Nats | None = None
    tokens: Some
    windows: Some
    text_sha256: str
    tokenizer_sha256: str
    course: Annotated[tuple[Step, ...], Field(min_length=1)]
    parameters: Some
    hidden: Some | None = None
    inner: Some | None = None
    overlaps: Overlaps = Overlaps()
    path: Annotated[tuple[Nats, ...], Field(min_length=2)] | None = None
    parallel: Some = Field(  # networks that were trained as one batched computation
        default=1, validation_alias=AliasChoices("parallel", "together")
    )
    seconds: Amount
    peaks: Peaks | None = None
    softmax: Literal["float32", "float64"] = "float32"
