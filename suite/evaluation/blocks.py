"""A model's logits in blocks: of some positions, and of some tokens of the vocabulary.

A processor keeps a block in its cache until all is done with it. A product of few positions with a whole large
vocabulary reads all rows of the head for each few positions, and its logits go to memory and come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from suite.models.logits import OwnLogits, Rule, rule_of
from suite.protocol import LOGITS_AT_ONCE

IN_LAST_CACHE = 2**22  # logits of a block on a processor
POSITIONS = 2**11  # of a block at most
TOKENS = 2**13  # of a block at most

Head = Callable[[Tensor], Tensor]  # hidden states [positions, width] -> logits [positions, vocabulary]


class HeadInBlocks:
    """A head whose logits are computed block by block.

    A head that is more than a linear layer with a plain weight (packed weights, hooks, devices of its own) computes the
    logits of the whole vocabulary, of fewer positions.

    Args:
        head: a head, whose weight is [vocabulary, width].
        rule: what makes logits of what it gives.
    """

    def __init__(self, head: Head, rule: Rule = Rule()) -> None:  # noqa: B008 - it is frozen
        self.rule = rule
        self._head = head
        self._vocabulary = head
        self._linear: nn.Linear | None = None
        if isinstance(head, nn.Linear) and type(head.weight) is nn.Parameter and not _changed(head):
            self._linear = head

    @classmethod
    def of(cls, model: PreTrainedModel, head: nn.Module | None = None) -> HeadInBlocks:
        """The head of a model, or another in its place, and what the model's class makes of it."""
        head = head or model.get_output_embeddings()
        rule = rule_of(model)
        if rule is not None:
            return cls(head, rule)
        made = cls(OwnLogits(model, head))
        made._vocabulary = head
        return made

    @property
    def plain(self) -> bool:
        """Whether logits are the head's products, and nothing else is done to them."""
        return self.rule.plain and not isinstance(self._head, OwnLogits)

    def split(self, count: int) -> tuple[int, int]:
        """How many positions and tokens make a block where there are `count` positions."""
        weight: Tensor = self._vocabulary.weight  # type: ignore[attr-defined]
        vocabulary = len(weight)
        if self._linear is None:
            return max(1, LOGITS_AT_ONCE // vocabulary), vocabulary
        most = LOGITS_AT_ONCE if weight.is_cuda else min(IN_LAST_CACHE, LOGITS_AT_ONCE)
        positions = min(count, POSITIONS, most)
        tokens = min(TOKENS, most // positions)
        return positions, min(vocabulary, tokens - tokens % 64 or tokens)  # rows of a block begin at a cache line

    def blocks(self, tokens: int) -> Iterator[slice]:
        """The tokens of each block, `tokens` a block, in order."""
        vocabulary = len(self._vocabulary.weight)  # type: ignore[attr-defined]
        for start in range(0, vocabulary, tokens):
            yield slice(start, min(start + tokens, vocabulary))

    def __call__(self, hidden: Tensor, tokens: slice) -> Tensor:
        """Logits [positions, tokens] of hidden states [positions, width]."""
        head = self._linear
        if head is None or tokens.stop - tokens.start == len(head.weight):
            return self.rule(self._head(hidden)[:, tokens])
        bias = None if head.bias is None else head.bias[tokens]
        return self.rule(functional.linear(hidden, head.weight[tokens], bias))


def _changed(head: nn.Linear) -> bool:
    """Whether calling the head does more than its class says."""
    return "forward" in vars(head) or bool(head._forward_hooks or head._forward_pre_hooks)
