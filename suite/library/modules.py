"""Exact pruning of any `torch.nn.Module`, undone by the handle it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import cast

import torch
from torch import Tensor, nn

from suite.errors import InputError
from suite.pruning.choose import choose
from suite.pruning.criteria import CRITERIA

Where = Callable[[str, nn.Module], bool]


class PruningHandle:
    """What was pruned of a module, and the way back; on leaving a `with` block the weights are restored.

    Attributes:
        masks: for each pruned weight by its name, bool of its shape, True where it survives.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], before: Mapping[str, Tensor], masks: dict[str, Tensor]):
        self._parameters, self._before, self.masks = parameters, before, masks

    @property
    def weights(self) -> int:
        """How many weights were pruned among, in all."""
        return sum(mask.numel() for mask in self.masks.values())

    @property
    def zeros(self) -> int:
        """How many of them were removed."""
        return sum(int((~mask).sum()) for mask in self.masks.values())

    @property
    def sparsity(self) -> float:
        """The share that was removed."""
        return self.zeros / self.weights

    @torch.no_grad()
    def restore(self) -> None:
        """Put every pruned weight back, to the bit, as it was before the pruning."""
        for name, parameter in self._parameters.items():
            parameter.copy_(self._before[name])

    def __enter__(self) -> PruningHandle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def __repr__(self) -> str:
        return f"<{self.zeros:,} of {self.weights:,} weights of {len(self.masks)} tensors pruned>"


@torch.no_grad()
def prune_(
    module: nn.Module,
    criterion: str = "magnitude",
    sparsity: float = 0.5,
    *,
    scope: str = "tensor",
    pattern: str | None = None,
    seed: int = 0,
    where: Where | None = None,
) -> PruningHandle:
    """Set weights of linear and convolution layers to zero, in place.

    Of n weights exactly `round(sparsity * n)` go, ties by the lowest index. Biases and everything else stay.

    Args:
        module: any; its weights are float16, bfloat16 or float32.
        criterion: one that looks at weights alone: `magnitude`, `random`, or a plug-in's.
        sparsity: from 0 to 1, the share to remove.
        scope: what it counts over: each `tensor`, each `row` (an output), or all together (`global`).
        pattern: `N:M`, N of every M neighbours of a row, in place of sparsity and scope.
        seed: of a random mask.
        where: given a layer's name and the layer, whether it is pruned; by default all are.

    Returns:
        A handle that restores the weights; it keeps a copy of them.

    Raises:
        InputError: an argument is none that the suite knows, or nothing would be pruned.
        ExperimentError: a plug-in's criterion fails; the module is as it was.
    """
    chosen = _weights(module, where)
    _check(chosen, criterion, sparsity, scope, pattern)
    before = {name: parameter.detach().clone() for name, parameter in chosen.items()}
    flat = {name: value.flatten(1) for name, value in before.items()}
    masks: dict[str, Tensor] = {}
    asked = {"scope": scope, "pattern": pattern, "seed": seed if CRITERIA[criterion].drawn else None}
    sizes = {name: value.numel() for name, value in flat.items()}
    handle = PruningHandle(chosen, before, masks)
    try:
        for name, removed, *_ in choose(sizes, flat.__getitem__, criterion=criterion, sparsity=sparsity, **asked):  # type: ignore[arg-type]
            masks[name] = ~removed.view(before[name].shape)
            chosen[name].masked_fill_(~masks[name], 0)
    except BaseException:  # a plug-in's function may fail after some tensors
        handle.restore()
        raise
    return handle


def _weights(module: nn.Module, where: Where | None) -> dict[str, nn.Parameter]:
    """The weights by name, each once where layers share it."""
    found: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    for name, layer in module.named_modules():
        if isinstance(layer, kinds) and (where is None or where(name, layer)) and id(layer.weight) not in seen:
            seen.add(id(layer.weight))
            found[f"{name}.weight".removeprefix(".")] = cast(nn.Parameter, layer.weight)
    if not found:
        raise InputError(f"{type(module).__name__} has no linear or convolution layer to prune; see `where`")
    return found


def _check(
    chosen: Mapping[str, nn.Parameter], criterion: str, sparsity: float, scope: str, pattern: str | None
) -> None:
    if criterion not in CRITERIA:
        raise InputError(f"criterion is one of {', '.join(CRITERIA)}; found {criterion!r}")
    made = CRITERIA[criterion]
    if made.calibrated:
        raise InputError(
            f"{criterion} looks at what layers are fed: load the model with `suite.load`, whose `pruned` takes a "
            "calibration text"
        )
    if not 0 <= sparsity <= 1:
        raise InputError(f"sparsity is a share from 0 to 1; found {sparsity!r}")
    if scope not in made.counts:
        raise InputError(f"scope of {criterion} is one of {', '.join(made.counts)}; found {scope!r}")
    if pattern is not None and pattern not in ("2:4", "4:8"):
        raise InputError(f"pattern is 2:4 or 4:8; found {pattern!r}")
    for name, weight in chosen.items():
        if weight.dtype not in (torch.float16, torch.bfloat16, torch.float32):
            raise InputError(f"{name} is {weight.dtype}; weights are float16, bfloat16 or float32")
        if pattern is not None and (row := weight[0].numel()) % int(pattern[-1]):
            raise InputError(f"{name} has rows of {row} weights, which pattern {pattern} does not divide")
