"""A model pruned for a while, and whole again after it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor

from suite.interruption import stop_if_asked
from suite.models.achieved import Pruned, achieved
from suite.models.allocation import ALLOCATIONS
from suite.models.anatomy import Parameter
from suite.models.calibration import LayerInputs, in_order
from suite.models.experts import unseen_experts
from suite.models.factoring import check_factoring_fits
from suite.models.loading import LoadedModel
from suite.models.matrices import Matrices
from suite.models.statistics import statistic_of
from suite.pruning.choose import choose
from suite.pruning.masks import Bits, joined
from suite.pruning.precision import full_float32
from suite.pruning.remove import Removed, remove
from suite.pruning.request import Request
from suite.records.schema import TensorCount


@contextmanager
def pruned(
    loaded: LoadedModel,
    request: Request,
    calibration: Tensor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Pruned]:
    """Prune the model in place as asked, and restore it on leaving, whatever happens inside.

    Args:
        calibration: int64 [samples, context], for a criterion that looks at activations.
        progress: told how many tensors are pruned, and how many will be.
    """
    selected = loaded.anatomy.select(request.target, request.part, request.layers, request.tied)
    names = [parameter.name for parameter in selected]
    untie = loaded.anatomy.tied and request.tied == "untie" and bool({loaded.head_name, loaded.table_name} & set(names))
    with loaded.untied(untie) as copied_bytes:
        started = time.perf_counter()
        try:
            with full_float32():
                masks, counts, told = _prune(loaded, selected, request, calibration, progress)
            seconds = time.perf_counter() - started
            done = achieved(loaded.anatomy, selected, counts, masks, seconds, copied_bytes)
            yield Pruned(done.model_copy(update=told), masks)
        finally:
            loaded.restore(names)


def _prune(
    loaded: LoadedModel,
    selected: tuple[Parameter, ...],
    request: Request,
    calibration: Tensor | None,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, Bits], dict[str, TensorCount], dict[str, Any]]:
    """The mask and the count of each parameter, and the fields of the record that say what happened on the way."""
    masks: dict[str, Bits] = {}
    counts: dict[str, TensorCount] = {}
    amount = _amount(loaded, selected, request, calibration)
    looked = _inputs(loaded, selected, request, calibration)
    selected = selected if looked is None else in_order(selected)
    matrices, done, told = Matrices(selected), list[Removed](), Counter[str]()
    pristine = _Pristine(loaded, matrices)
    for chosen in choose(
        matrices.sizes,
        pristine,
        criterion=request.criterion,
        scope=request.scope,
        sparsity=amount[0],
        total=amount[1],
        pattern=request.pattern,
        seed=request.seed,
        inputs=looked,
        variant=request.variant,
        cycles=request.cycles,
    ):
        stop_if_asked()
        name, gone, corrected, remarks = chosen
        told.update(remarks)
        parameter, turned = matrices.parameter(name), partial(matrices.turned, name)
        weight, stored = (
            matrices.kept(name, whole) for whole in (loaded.parameter(parameter.name).data, pristine.whole(name))
        )
        done.append(remove(weight, turned(gone).contiguous(), stored, None if corrected is None else turned(corrected)))
        if len(done) == parameter.matrices:
            masks[parameter.name] = joined([one.mask for one in done], gone.numel())
            counts[parameter.name] = TensorCount(
                weights=parameter.weights,
                zeros=sum(one.zeros for one in done),
                zeros_before=sum(one.zeros_before for one in done),
            )
            done.clear()
            progress(len(masks), len(selected))
        del chosen, gone, corrected, stored  # before the next tensor's scores are made
    if looked is None:
        return masks, counts, {}
    told["layers fed nothing but zeros, of which the smallest weights went"] += len(looked.unfed)
    return masks, counts, {"unseen_experts": unseen_experts(looked.unseen), "remarks": dict(+told)}


class _Pristine:
    """Stored values beside the parameters they are of; of the last parameter they are kept, for its next matrix."""

    def __init__(self, loaded: LoadedModel, matrices: Matrices) -> None:
        self._loaded, self._matrices = loaded, matrices
        self._last: tuple[str, Tensor] | None = None

    def whole(self, name: str) -> Tensor:
        """All of the parameter that a matrix is of."""
        parameter = self._matrices.parameter(name)
        if not parameter.stacked:
            return self._loaded.pristine(parameter.name)
        if self._last is None or self._last[0] != parameter.name:
            self._last = parameter.name, self._loaded.pristine(parameter.name)
        return self._last[1]

    def __call__(self, name: str) -> Tensor:
        """A matrix, [outputs, inputs]."""
        return self._matrices.of(name, self.whole(name))


def _inputs(
    loaded: LoadedModel, selected: tuple[Parameter, ...], request: Request, calibration: Tensor | None
) -> LayerInputs | None:
    """What its criterion wants to know of what layers are fed; None where it looks at nothing."""
    if (found := statistic_of(request.criterion)) is None:
        return None
    assert calibration is not None, "a criterion that looks at activations is given them"
    gather, finish = found
    check_factoring_fits(request.criterion, selected, loaded.device)
    return LayerInputs(loaded, calibration, gather, in_order(selected), finish)


def _amount(
    loaded: LoadedModel, selected: tuple[Parameter, ...], request: Request, calibration: Tensor | None
) -> tuple[float | dict[str, float], int | None]:
    """The sparsity, of all matrices alike or of each by name; and the exact number of weights, where there is one."""
    if (spread := ALLOCATIONS.get(request.allocation)) is None:
        budget = request.budget
        return request.sparsity, None if budget is None else loaded.anatomy.budget(budget)
    assert calibration is not None, "an allocation that looks at activations is given them"
    sparsity = spread(loaded, selected, calibration, request.sparsity)
    return sparsity, round(request.sparsity * sum(parameter.weights for parameter in selected))
