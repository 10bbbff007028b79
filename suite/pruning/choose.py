"""From a request (criterion, scope or pattern, how much) to the weights that go, one tensor at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor

from suite.pruning.amount import Amount
from suite.pruning.criteria import CRITERIA
from suite.pruning.keys import magnitude_keys
from suite.pruning.resolve import function_of
from suite.pruning.select import select_lowest

Load = Callable[[str], Tensor]  # a tensor's stored values by name, before any cast
Inputs = Callable[[str], Any]  # what a criterion wants to know of a layer's inputs, by the name of the layer's weight


class Chosen(NamedTuple):
    """What goes of a tensor (bool, True where a weight goes), and where they are corrected, its weights (float32).

    `remarks` count what a criterion did on the way that is to be known, such as rows that ran out of candidates.
    """

    name: str
    removed: Tensor
    corrected: Tensor | None = None
    remarks: Mapping[str, int] = MappingProxyType({})


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
    variant: str | None = None,
    cycles: int | None = None,
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
        variant: of a criterion whose paper and code differ, which; the first of them where None.
        cycles: of a criterion that takes turns, how many; its own number where None.

    Yields:
        What goes of each tensor, in the order of `sizes`.

    Raises:
        ValueError: the criterion does not count over the scope, or the pattern's width does not divide a tensor's.
        KeyError: there is no such criterion.
        ExperimentError: a plug-in's function fails, or returns another shape or dtype than it is to.
    """
    made = CRITERIA[criterion]
    if pattern is None and scope not in made.scopes:
        raise ValueError(f"{criterion} does not count over scope {scope!r}")
    amount = Amount(made, scope, sizes, sparsity, total, pattern)
    function, options = function_of(criterion), made.options(variant, cycles)

    def decided(name: str) -> tuple[Any, ...]:
        assert inputs is not None, "a criterion that looks at activations is given them"
        weight = load(name)
        if (found := inputs(name)) is None:
            return (amount.select(name, magnitude_keys(weight)),)
        if made.decides == "columns":
            return function(weight, found, *amount.of_columns(name, *weight.shape))  # type: ignore[no-any-return]
        return function(weight, found, amount.of_matrix(name), **options)  # type: ignore[no-any-return]

    def keys(name: str) -> Tensor:
        weight = load(name)
        if made.wants == "seed":
            scores = function(weight.shape, seed, name).to(weight.device)
        elif made.wants == "nothing":
            scores = function(weight)
        else:
            assert inputs is not None, "a criterion that looks at activations is given them"
            found = inputs(name)
            scores = weight if found is None else function(weight, found, **options)
        return magnitude_keys(scores) if scores.is_floating_point() else scores

    # What is made of a tensor has no name here, which would keep it in memory while the next one's is made.
    if made.decides != "after":
        yield from (Chosen(name, *decided(name)) for name in sizes)
    elif amount.everywhere is not None:
        yield from map(Chosen, sizes, select_lowest(lambda: map(keys, sizes), amount.everywhere))
    else:
        yield from (Chosen(name, amount.select(name, keys(name))) for name in sizes)
