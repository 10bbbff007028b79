"""From a request (criterion, scope, how much) to the weights that go, one tensor at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor

from suite.pruning.keys import magnitude_keys, random_keys
from suite.pruning.masks import budget_counts
from suite.pruning.select import select_at_or_below, select_lowest, select_lowest_in_rows
from suite.pruning.sparsegpt import BLOCK, sparsegpt
from suite.pruning.wanda import wanda_scores

Load = Callable[[str], Tensor]  # a tensor's stored values by name, before any cast
Inputs = Callable[[str], Tensor]  # a statistic of what the layer of a tensor is fed, by the tensor's name


def choose(
    sizes: Mapping[str, int],
    load: Load,
    *,
    criterion: str,
    scope: str,
    sparsity: float,
    budget_total: int | None = None,
    seed: int | None = None,
    inputs: Inputs | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """The weights to remove from the named tensors.

    Args:
        sizes: the tensors and how many weights each has; ties of scope `global` go in this order.
        load: gives a tensor's stored values (float16, bfloat16 or float32).
        criterion: `magnitude`, `random` (which wants a seed) or `wanda` (which wants `inputs`).
        scope: what `sparsity` is counted over: each `tensor`, each `row` of each, or all together (`global`); or
            `published`, as the code of the criterion's paper counts (magnitude: per tensor, ties included; wanda: each
            row, rounded down).
        budget_total: an exact number of weights to remove in all, spread over the tensors in proportion to their
            size; it takes the place of `sparsity` (scopes `tensor` and `global`).
        inputs: gives the squared norms of a layer's inputs, asked for in the order of `sizes`, each when the tensors
            before it have been yielded and pruned; not for scope `global`, which looks at all tensors before.

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
        if criterion == "wanda":
            assert inputs is not None, "a criterion that looks at activations is given them"
            return magnitude_keys(wanda_scores(weight, inputs(name).sqrt()))
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
            key = keys(name)
            if criterion == "wanda":
                yield name, select_lowest_in_rows(key, int(key.shape[1] * sparsity))
            else:
                yield name, select_at_or_below(key, int(size * sparsity))
    elif scope == "tensor":
        for name, count in _counts(sizes, sparsity, budget_total).items():
            yield name, _lowest(keys(name), count)
    else:
        raise ValueError(f"no scope is called {scope!r}")


def choose_and_correct(
    sizes: Mapping[str, int],
    load: Load,
    inputs: Inputs,
    *,
    scope: str,
    sparsity: float,
    budget_total: int | None = None,
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """The same for SparseGPT, which corrects the weights that stay.

    Args:
        inputs: gives a layer's X X^T, asked for as `choose` asks.
        scope: `tensor` (an exact number of each, spread over its blocks of columns), or `published`.

    Yields:
        Each name with its bool tensor and its corrected weights, float32.
    """
    counts = _counts(sizes, sparsity, budget_total)
    for name in sizes:
        weight = load(name)
        rows, columns = weight.shape
        ends = [*range(BLOCK, columns, BLOCK), columns]
        widths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        exact = dict(zip(ends, budget_counts([rows * width for width in widths], counts[name]), strict=True))

        def chosen(costs: Tensor, _: int, end: int, exact: dict[int, int] = exact) -> Tensor:
            key = magnitude_keys(costs)
            if scope == "published":
                return select_at_or_below(key, int(key.numel() * sparsity))
            return _lowest(key, exact[end])

        yield name, *sparsegpt(weight, inputs(name), chosen)


def _counts(sizes: Mapping[str, int], sparsity: float, budget_total: int | None) -> dict[str, int]:
    """How many weights each tensor loses."""
    if budget_total is None:
        return {name: round(sparsity * size) for name, size in sizes.items()}
    return dict(zip(sizes, budget_counts(list(sizes.values()), budget_total), strict=True))


def _lowest(key: Tensor, count: int) -> Tensor:
    (removed,) = select_lowest(lambda: (key,), count)
    return removed
