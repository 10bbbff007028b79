"""From a request (criterion, scope or pattern, how much) to the weights that go, one tensor at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from suite.protocol import SPARSEGPT_BLOCK
from suite.pruning.criteria import CRITERIA, Criterion
from suite.pruning.keys import magnitude_keys
from suite.pruning.masks import apportion, budget_counts
from suite.pruning.select import select_at_or_below, select_lowest, select_lowest_in_groups, select_lowest_in_rows

Load = Callable[[str], Tensor]  # a tensor's stored values by name, before any cast
Inputs = Callable[[str], Any]  # what a criterion wants to know of a layer's inputs, by the name of the layer's weight


class Chosen(NamedTuple):
    """What goes of a tensor (bool, True where a weight goes), and where they are corrected, its weights (float32)."""

    name: str
    removed: Tensor
    corrected: Tensor | None = None


def choose(
    sizes: Mapping[str, int],
    load: Load,
    *,
    criterion: str,
    scope: str = "tensor",
    sparsity: float | Mapping[str, float],
    total: int | None = None,
    pattern: str | None = None,
    seed: int | None = None,
    inputs: Inputs | None = None,
) -> Iterator[Chosen]:
    """The weights to remove from the named tensors.

    Args:
        sizes: the tensors and how many weights each has; ties of scope `global` go in this order.
        load: gives a tensor's stored values (float16, bfloat16 or float32; [outputs, inputs]).
        criterion: one of `CRITERIA`.
        scope: what a sparsity is counted over (protocol rule 9): each `tensor`, each `row` of each, or all together
            (`global`); or `reference`, as the code of the criterion's paper counts.
        sparsity: the share to remove, of every tensor alike or of each by name.
        total: an exact number of weights to remove in all (scopes `tensor` and `global`), spread over the tensors in
            proportion to their sizes or, where each has a sparsity of its own, to what that takes of them.
        pattern: `N:M`, N of every M neighbours of a row; it takes the place of scope and sparsity.
        seed: for a criterion that wants one.
        inputs: gives what the criterion wants to know of a layer's inputs. It is asked in the order of `sizes`, each
            time when the tensors before have been yielded and pruned. None where the layer was fed nothing, as an
            expert may be: the smallest weights go then.

    Yields:
        What goes of each tensor, in the order of `sizes`.

    Raises:
        ValueError: the criterion does not count over the scope, or the pattern's width does not divide a tensor's.
        KeyError: there is no such criterion.
    """
    made = CRITERIA[criterion]
    if pattern is None and scope not in made.scopes:
        raise ValueError(f"{criterion} does not count over scope {scope!r}")
    amount = _Amount(made, scope, sizes, sparsity, total, pattern)
    function = made.resolve()

    def corrected(name: str) -> tuple[Tensor, Tensor] | tuple[Tensor]:
        assert inputs is not None, "a criterion that looks at activations is given them"
        weight = load(name)
        if (found := inputs(name)) is None:
            return (amount.select(name, magnitude_keys(weight)),)
        return function(weight, found, *amount.of_columns(name, *weight.shape))  # type: ignore[no-any-return]

    def keys(name: str) -> Tensor:
        weight = load(name)
        if made.wants == "seed":
            scores = function(weight.shape, seed, name).to(weight.device)
        elif made.wants == "nothing":
            scores = function(weight)
        else:
            assert inputs is not None, "a criterion that looks at activations is given them"
            found = inputs(name)
            scores = weight if found is None else function(weight, found)
        return magnitude_keys(scores) if scores.is_floating_point() else scores

    # What is made of a tensor has no name here, which would keep it in memory while the next one's is made.
    if made.corrects:
        yield from (Chosen(name, *corrected(name)) for name in sizes)
    elif amount.everywhere is not None:
        yield from map(Chosen, sizes, select_lowest(lambda: map(keys, sizes), amount.everywhere))
    else:
        yield from (Chosen(name, amount.select(name, keys(name))) for name in sizes)


class _Amount:
    """How many of a tensor's keys are selected, and among which."""

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
            self._counts = {name: round(self._sparsity[name] * size) for name, size in sizes.items()}
        elif isinstance(sparsity, Mapping):
            quotas = [self._sparsity[name] * size for name, size in sizes.items()]
            self._counts = dict(zip(sizes, apportion(quotas, total), strict=True))
        else:
            self._counts = dict(zip(sizes, budget_counts(list(sizes.values()), total), strict=True))
        self.everywhere: int | None = None  # the number over all tensors together, where that is what counts
        if scope == "global" and pattern is None:
            assert not isinstance(sparsity, Mapping), "tensors that are ranked together have one sparsity"
            self.everywhere = round(sparsity * sum(sizes.values())) if total is None else total

    def select(self, name: str, key: Tensor) -> Tensor:
        """Which of a tensor's keys [outputs, inputs] are selected (bool)."""
        sparsity = self._sparsity[name]
        if self._group is not None:
            return select_lowest_in_groups(key, *self._group)
        if self._scope == "row":
            return select_lowest_in_rows(key, round(sparsity * key.shape[1]))
        if self._scope == "published row":
            return select_lowest_in_rows(key, int(key.shape[1] * sparsity))
        if self._scope == "published rank":
            return _at_or_below(key, sparsity)
        return _lowest(key, self._counts[name])

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


def _lowest(key: Tensor, count: int) -> Tensor:
    (removed,) = select_lowest(lambda: (key,), count)
    return removed


def _at_or_below(key: Tensor, sparsity: float) -> Tensor:
    """As published code counts; at a sparsity of 1, where it has no threshold, all go."""
    return select_at_or_below(key, min(int(key.numel() * sparsity), key.numel() - 1))
