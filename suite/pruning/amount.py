"""How many of a tensor's weights go, and among which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from suite.protocol import SPARSEGPT_BLOCK
from suite.pruning.criteria import Criterion
from suite.pruning.keys import magnitude_keys
from suite.pruning.masks import apportion, budget_counts
from suite.pruning.select import select_at_or_below, select_lowest, select_lowest_in_groups, select_lowest_in_rows


class Amount:
    """What a scope, a sparsity or a total, or a pattern come to for each of some tensors.

    Args:
        criterion: whose code says what scope `reference` means.
        scope: see `suite.pruning.choose.choose`, as the others.
        sizes: how many weights each tensor has.
    """

    def __init__(
        self,
        criterion: Criterion,
        scope: str,
        sizes: Mapping[str, int],
        sparsity: float | Mapping[str, float],
        total: int | None,
        pattern: str | None,
    ) -> None:
        self._scope = scope if scope != "reference" else f"published {criterion.published}"
        self._sparsity = sparsity if isinstance(sparsity, Mapping) else dict.fromkeys(sizes, sparsity)
        self._group = None if pattern is None else tuple(map(int, pattern.split(":")))
        if total is None:
            self._counts = {name: self._count(self._sparsity[name], size) for name, size in sizes.items()}
        elif isinstance(sparsity, Mapping):
            quotas = [self._sparsity[name] * size for name, size in sizes.items()]
            self._counts = dict(zip(sizes, apportion(quotas, total), strict=True))
        else:
            self._counts = dict(zip(sizes, budget_counts(list(sizes.values()), total), strict=True))
        self.everywhere: int | None = None  # the number over all tensors together, where that is what counts
        if scope == "global" and pattern is None:
            assert not isinstance(sparsity, Mapping), "tensors that are ranked together have one sparsity"
            self.everywhere = round(sparsity * sum(sizes.values())) if total is None else total

    def select(self, name: str, key: Tensor, share: float = 1.0) -> Tensor:
        """Which of a tensor's keys [outputs, inputs] are selected (bool): all that are to go, or a share of them.

        Of a pattern there is no share: every group loses what it is to lose.
        """
        sparsity = self._sparsity[name]
        if self._group is not None:
            return select_lowest_in_groups(key, *self._group)
        if self._scope == "row":
            return select_lowest_in_rows(key, int(share * round(sparsity * key.shape[1])))
        if self._scope == "published row":
            return select_lowest_in_rows(key, int(key.shape[1] * sparsity * share))
        if self._scope == "published rank":
            return _at_or_below(key, sparsity * share)
        return _lowest(key, int(share * self._counts[name]))

    def of_matrix(self, name: str) -> Choice:
        """The same for a criterion that chooses by itself among all of a weight."""
        by_row = self._group is None and self._scope in ("row", "published row")
        return Choice(self, name, by_row, None if self._group is None else self._group[1])

    def of_columns(self, name: str, rows: int, columns: int) -> tuple[Callable[[Tensor, int], Tensor], int]:
        """The same for a criterion that chooses a few columns at a time: the choice, and how many columns at once."""
        if self._group is not None:
            removed, width = self._group
            if columns % width:
                raise ValueError(f"rows of {columns} weights are no whole groups of {width}")
            return lambda costs, _: select_lowest_in_groups(magnitude_keys(costs), removed, width), width
        if self._scope == "published rank":
            sparsity = self._sparsity[name]
            return lambda costs, _: _at_or_below(magnitude_keys(costs), sparsity), SPARSEGPT_BLOCK
        starts = range(0, columns, SPARSEGPT_BLOCK)
        widths = [min(SPARSEGPT_BLOCK, columns - start) for start in starts]
        exact = dict(zip(starts, budget_counts([rows * width for width in widths], self._counts[name]), strict=True))
        return lambda costs, start: _lowest(magnitude_keys(costs), exact[start]), SPARSEGPT_BLOCK

    def _count(self, sparsity: float, size: int) -> int:
        if self._scope == "published floor":
            return int(size * sparsity)
        if self._scope == "published kept":
            return size - round(size * (1 - sparsity))
        return round(sparsity * size)


@dataclass(frozen=True, slots=True)
class Choice:
    """Says which weights of one tensor go, as often as a criterion asks.

    `name` is the tensor's; `by_row` says whether each row loses a number of its own, and `group` how many neighbours of
    a row do, None where they do not.
    """

    amount: Amount
    name: str
    by_row: bool
    group: int | None

    def __call__(self, scores: Tensor, share: float = 1.0) -> Tensor:
        """The weights of the lowest scores: all that are to go, or a share of them.

        Args:
            scores: float32 [outputs, inputs]; their signs do not count.

        Returns:
            bool [outputs, inputs], True where a weight goes.
        """
        return self.amount.select(self.name, magnitude_keys(scores), share)


def _lowest(key: Tensor, count: int) -> Tensor:
    (removed,) = select_lowest(lambda: (key,), count)
    return removed


def _at_or_below(key: Tensor, sparsity: float) -> Tensor:
    """As published code counts; at a sparsity of 1, where it has no threshold, all go."""
    return select_at_or_below(key, min(int(key.numel() * sparsity), key.numel() - 1))
