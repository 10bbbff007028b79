"""How a sparsity is spread over the layers of a model."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from torch import Tensor

from suite.models.anatomy import Parameter
from suite.models.calibration import LayerInputs, in_order
from suite.models.influence import block_influence
from suite.models.loading import LoadedModel
from suite.models.matrices import matrices
from suite.models.statistics import squared_norms
from suite.pruning.owl import outlier_share, owl_sparsities
from suite.pruning.wanda import wanda_scores


def by_influence(
    loaded: LoadedModel, selected: tuple[Parameter, ...], calibration: Tensor, sparsity: float
) -> dict[str, float]:
    """Each selected matrix's sparsity by the influence of its block: the less influence, the higher.

    As OWL spreads a sparsity by outliers, over the same range. The head, which is no block, counts as the mean of them.

    Args:
        calibration: int64 [samples, context]; the model is run over it once, as it is.
        sparsity: of all selected weights together.
    """
    influence = block_influence(loaded, calibration)
    layers = _layers(selected)
    shares = [fmean(influence) if layer is None else influence[layer] for layer in layers]
    return _spread(layers, shares, sparsity)


def owl(loaded: LoadedModel, selected: tuple[Parameter, ...], calibration: Tensor, sparsity: float) -> dict[str, float]:
    """Each selected matrix's sparsity by OWL: the same for all of a block, by the outliers of the dense model's.

    A layer in the sense of the paper is what is selected of a decoder block; the head is one by itself.

    Args:
        calibration: int64 [samples, context]; the model is run over it once, as it is.
        sparsity: of all selected weights together.
    """
    inputs = LayerInputs(loaded, calibration, squared_norms, selected, Tensor.sqrt_)
    layers, shares = _layers(selected), []
    for layer in layers.values():
        norms = {name: inputs(name) for parameter in layer for name in parameter.matrix_names}

        def scores(layer: list[Parameter] = layer, norms: dict[str, Tensor | None] = norms) -> Iterator[Tensor]:
            for parameter in layer:
                stored = matrices(loaded.stored(parameter.name), parameter)
                for name, weight in zip(parameter.matrix_names, stored, strict=True):
                    if (norm := norms[name]) is not None:  # an expert that saw no token says nothing of its layer
                        yield wanda_scores(weight.to(norm.device), norm)

        shares.append(outlier_share(scores))
    return _spread(layers, shares, sparsity)


ALLOCATIONS = {"owl": owl, "block-influence": by_influence}


def _layers(selected: tuple[Parameter, ...]) -> dict[int | None, list[Parameter]]:
    """What is selected of each decoder block; the head is a layer by itself."""
    layers: dict[int | None, list[Parameter]] = {}
    for parameter in in_order(selected):
        layers.setdefault(parameter.layer, []).append(parameter)
    return layers


def _spread(layers: dict[int | None, list[Parameter]], shares: list[float], sparsity: float) -> dict[str, float]:
    """A sparsity for each matrix, by the shares of their layers."""
    weights = [sum(parameter.weights for parameter in layer) for layer in layers.values()]
    sparsities = owl_sparsities(shares, weights, sparsity)
    return {
        name: sparsity
        for layer, sparsity in zip(layers.values(), sparsities, strict=True)
        for parameter in layer
        for name in parameter.matrix_names
    }
