"""Whole layers, MLP neurons and experts, chosen by a criterion and taken out: what remains is a smaller model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor

from suite.errors import ExperimentError
from suite.models.achieved import Pruned, achieved
from suite.models.anatomy import Parameter
from suite.models.calibration import LayerInputs
from suite.models.influence import block_influence, expert_influence
from suite.models.loading import LoadedModel
from suite.models.matrices import matrices
from suite.models.removal import Removal
from suite.models.statistics import squared_norms
from suite.pruning.criteria import CRITERIA
from suite.pruning.keys import magnitude_keys, random_keys
from suite.pruning.masks import packed
from suite.pruning.request import Request
from suite.pruning.structures import least_worth, worth
from suite.records.schema import TensorCount

ByLayer = dict[int, list[Parameter]]


@contextmanager
def structurally_pruned(loaded: LoadedModel, request: Request, calibration: Tensor | None = None) -> Iterator[Pruned]:
    """Take out what is asked for, and put it back on leaving, whatever happens inside.

    Of `neurons`, `round(sparsity * n)` of the n inner neurons of each selected MLP go: their rows of the matrices that
    lead to them, biases too, and their columns of the one that leads on. Of `layers`, `round(sparsity * n)` of the n
    selected ones go. Of `experts`, `round(sparsity * n)` of the n of each selected layer that has some, and the
    router's rows with them. The masks are of the original weights, as any other pruning's are.

    Args:
        calibration: int64 [samples, context], for a criterion that looks at activations. Of neurons it sees each layer
            fed by those before it as they are by then; of layers and experts, the dense model.

    Raises:
        ExperimentError: no layer would be left, or fewer experts than a token goes to.
    """
    anatomy = loaded.anatomy
    selected = anatomy.select(request.target, request.part, request.layers, request.tied)
    by_layer: ByLayer = {}
    for parameter in selected:
        if parameter.layer is not None:
            by_layer.setdefault(parameter.layer, []).append(parameter)
    by_layer = dict(sorted(by_layer.items()))
    with ExitStack() as stack:
        started = time.perf_counter()
        removal, keys = Removal(loaded, stack), _Keys(loaded, request, by_layer, calibration)
        if request.pattern == "layers":
            removal.take_layers(_least(keys, anatomy.layers, request.sparsity))
        elif request.pattern == "experts":
            for layer, found in keys.of_experts().items():
                gone = least_worth(found, request.sparsity)
                if int((~gone).sum()) < anatomy.sizes.active:
                    raise ExperimentError(
                        f"{int((~gone).sum())} of {len(gone)} experts would be left in layer {layer}, and a token goes "
                        f"to {anatomy.sizes.active}; ask for less"
                    )
                removal.take_experts(layer, gone)
        else:
            for layer in by_layer:
                removal.take_neurons(layer, least_worth(keys.of_neurons(layer), request.sparsity))
        masks, counts = {}, {}
        for parameter in selected:
            removed, zero = removal.removed(parameter), loaded.stored(parameter.name) == 0
            masks[parameter.name] = packed(removed)
            counts[parameter.name] = TensorCount(
                weights=parameter.weights, zeros=int((removed | zero).sum()), zeros_before=int(zero.sum())
            )
        out = sum(int(removal.removed(parameter).sum()) for parameter in selected)
        removal.settle()
        along = anatomy.weights - loaded.anatomy.weights - out
        seconds = time.perf_counter() - started
        yield Pruned(achieved(anatomy, selected, counts, masks, seconds, taken_along=along), masks)


def _least(keys: _Keys, layers: int, sparsity: float) -> frozenset[int]:
    """The layers that go.

    Raises:
        ExperimentError: no layer would be left.
    """
    candidates = keys.of_layers()
    removed = least_worth(torch.stack(list(candidates.values())), sparsity).tolist()
    found = frozenset(layer for layer, goes in zip(candidates, removed, strict=True) if goes)
    if len(found) == layers:
        raise ExperimentError(f"all {layers} layers would go, and a model needs one; ask for less")
    return found


class _Keys:
    """Integers that sort like the worth of the structures of a model."""

    def __init__(self, loaded: LoadedModel, request: Request, by_layer: ByLayer, tokens: Tensor | None) -> None:
        self._loaded, self._request, self._by_layer, self._tokens = loaded, request, by_layer, tokens
        self._blocks = loaded.anatomy.places.blocks
        wanted = tuple(parameter for group in by_layer.values() for parameter in group)
        of_inputs = CRITERIA[request.criterion].wants == "norms" and tokens is not None
        self._inputs = LayerInputs(loaded, tokens, squared_norms, wanted, Tensor.sqrt_) if of_inputs else None  # type: ignore[arg-type]

    def of_neurons(self, layer: int) -> Tensor:
        """Of the inner neurons of a layer's MLP, [neurons]; layers are to be asked for in order."""
        if self._request.criterion == "random":
            return self._random(self._loaded.anatomy.inner, f"{self._blocks}.{layer}.mlp")
        parts = [self._worth(parameter, 1 if parameter.part == "down" else 0) for parameter in self._by_layer[layer]]
        neurons = min(map(len, parts))  # of gate and up in one matrix, a row of each is of one neuron
        return magnitude_keys(torch.stack([part.view(-1, neurons).sum(0) for part in parts]).sum(0).float())

    def of_layers(self) -> dict[int, Tensor]:
        """Of each selected layer, a number."""
        if self._request.criterion == "random":
            keys = self._random(self._loaded.anatomy.layers, self._blocks)
            return {layer: keys[layer] for layer in self._by_layer}
        if self._request.criterion == "block-influence":
            influence = block_influence(self._loaded, self._shown)
            return {layer: magnitude_keys(torch.tensor(influence[layer])) for layer in self._by_layer}
        found = {}
        for layer, group in self._by_layer.items():
            total = torch.stack([self._worth(parameter).cpu() for parameter in group]).sum()
            found[layer] = magnitude_keys(total.float())
        return found

    def of_experts(self) -> dict[int, Tensor]:
        """Of the experts of each selected layer that has some, [experts]."""
        stacks = {layer: [p for p in group if p.stacked] for layer, group in self._by_layer.items()}
        stacks = {layer: group for layer, group in stacks.items() if group}
        if self._request.criterion == "random":
            return {
                layer: self._random(group[0].matrices, f"{self._blocks}.{layer}.experts")
                for layer, group in stacks.items()
            }
        if self._request.criterion == "reap":
            found = expert_influence(self._loaded, self._shown, stacks)
            return {layer: magnitude_keys(one.float()) for layer, one in found.items()}
        return {
            layer: magnitude_keys(torch.stack([self._of_each(one) for one in group]).sum(0).float())
            for layer, group in stacks.items()
        }

    @property
    def _shown(self) -> Tensor:
        assert self._tokens is not None, "a criterion that looks at activations is given them"
        return self._tokens

    def _of_each(self, parameter: Parameter) -> Tensor:
        """What a stack adds to the worth of each of its experts, [experts]."""
        stored = self._loaded.stored(parameter.name).to(self._loaded.parameter(parameter.name).device)
        each = zip(parameter.matrix_names, matrices(stored, parameter), strict=True)
        norms = {name: self._inputs(name) if self._inputs else None for name in parameter.matrix_names}
        nothing = torch.zeros((), dtype=torch.float64, device=stored.device)
        return torch.stack(
            [nothing if self._inputs and norms[name] is None else worth(weight, norms[name]) for name, weight in each]
        )

    def _worth(self, parameter: Parameter, side: int | None = None) -> Tensor:
        stored = self._loaded.stored(parameter.name).to(self._loaded.parameter(parameter.name).device)
        found = []
        for name, weight in zip(parameter.matrix_names, matrices(stored, parameter), strict=True):
            norms = None if self._inputs is None else self._inputs(name)
            if self._inputs is None or norms is not None:  # an expert that saw no token is worth nothing
                found.append(worth(weight, norms, side))
        return torch.stack(found).sum(0) if found else torch.zeros((), dtype=torch.float64)

    def _random(self, count: int, name: str) -> Tensor:
        seed = self._request.seed
        assert seed is not None, "a random choice has a seed"
        return random_keys(torch.Size([count]), seed, name)
