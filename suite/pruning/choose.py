"""From a request (criterion, scope, how much) to the weights that go, one tensor at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor

from suite.pruning.keys import magnitude_keys, random_keys
from suite.pruning.masks import budget_counts
from suite.pruning.select import select_at_or_below, select_lowest, select_lowest_in_rows

Load = Callable[[str], Tensor]  # a tensor's stored values by name, before any cast


def choose(
    sizes: Mapping[str, int],
    load: Load,
    *,
    criterion: str,
    scope: str,
    sparsity: float,
    budget_total: int | None = None,
    seed: int | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """The weights to remove from the named tensors.

    Args:
        sizes: the tensors and how many weights each has; ties of scope `global` go in this order.
        load: gives a tensor's stored values (float16, bfloat16 or float32).
        criterion: `magnitude` or `random` (which wants a seed).
        scope: what `sparsity` is counted over: each `tensor`, each `row` of each, or all together (`global`); or
            `published`, as the code of the criterion's paper counts (magnitude: per tensor, ties included).
        budget_total: an exact number of weights to remove in all, spread over the tensors in proportion to their
            size; it takes the place of `sparsity` (scopes `tensor` and `global`).

    Yields:
        Each name with its bool tensor, True where a weight goes.
    """

    def keys(name: str) -> Tensor:
        weight = load(name)
        if criterion == "magnitude":
            return magnitude_keys(weight)
        if criterion == "random":
            assert seed is not None, "the manifest gives every random experiment a seed"
            return random_keys(weight.shape, seed, name).to(weight.device)
        raise ValueError(f"no criterion is called {criterion!r}")

    if scope == "global":
        total = round(sparsity * sum(sizes.values())) if budget_total is None else budget_total
        yield from zip(sizes, select_lowest(lambda: map(keys, sizes), total), strict=True)
    elif scope == "row":
        for name in sizes:
            key = keys(name)
            yield name, select_lowest_in_rows(key, round(sparsity * key.shape[1]))
    elif scope == "published":
        for name, size in sizes.items():
            yield name, select_at_or_below(keys(name), int(size * sparsity))
    elif scope == "tensor":
        even = [round(sparsity * size) for size in sizes.values()]
        counts = even if budget_total is None else budget_counts(list(sizes.values()), budget_total)
        for name, count in zip(sizes, counts, strict=True):
            key = keys(name)
            (removed,) = select_lowest(lambda: (key,), count)  # noqa: B023 - called before the loop moves on
            yield name, removed
    else:
        raise ValueError(f"no scope is called {scope!r}")
