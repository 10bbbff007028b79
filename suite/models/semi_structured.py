"""The hardware's own 2:4 kernels: PyTorch's semi-structured sparsity in the place of dense weights.

A weight of which two of every four neighbours are zero is kept as its other half and two bits of place for each
(Mishra et al. 2021, arXiv 2104.08378). PyTorch pads what a weight is multiplied with to the kernels' sizes, so that one
token is as good as many.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from suite.errors import ExperimentError
from suite.models.loading import LoadedModel
from suite.models.stand_in import stand_in

CAPABILITY = (8, 0)  # the first with sparse tensor cores
DTYPES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True)
class Packed:
    """What runs on 2:4 kernels: so many layers, on the kernels of this library."""

    layers: int
    kernel: str


def why_not(loaded: LoadedModel, names: Iterable[str]) -> str | None:
    """Why 2:4 kernels cannot run the named weights on this machine, or None where they can be tried."""
    if (capability := loaded.capability) is None:
        return "2:4 kernels run on an NVIDIA GPU, and this model is on none"
    if capability < CAPABILITY:
        needed, there = ("{}.{}".format(*one) for one in (CAPABILITY, capability))
        return f"2:4 kernels need a GPU of compute capability {needed} or newer, and this one has {there}"
    if loaded.dtype not in DTYPES:
        return f"2:4 kernels multiply in float16 or bfloat16, and the model runs in {loaded.dtype_name}"
    linear = _linear(loaded, names)
    if not linear:
        return "2:4 kernels multiply matrices, and no linear layer is pruned"
    if any(type(layer.weight) is not nn.Parameter for layer in linear.values()):
        return "the layers multiply in float8 already, and 2:4 kernels take the place of products in 16 bits"
    return None


@contextmanager
def on_sparse_kernels(loaded: LoadedModel, names: Iterable[str]) -> Iterator[Packed]:
    """Have the named weights, pruned 2:4, run on 2:4 kernels while inside; the dense ones wait on the host meanwhile.

    A layer of a shape that the kernels do not take stays dense, and so does an embedding.

    Raises:
        ExperimentError: no layer can be run, or a weight is not pruned 2:4.
    """
    kernels: list[str] = []
    refusal = ""
    with ExitStack() as stack:
        for name, layer in _linear(loaded, names).items():
            host = layer.weight.data.cpu()
            try:
                packed = _packed(name, layer.weight.data)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # which is how it says that it does not take a shape
                refusal = refusal or str(error)
                continue
            stack.enter_context(stand_in(layer, packed, partial(torch.clone, host)))
            kernels.append(packed.BACKEND)
        if not kernels:
            raise ExperimentError(refusal)
        yield Packed(len(kernels), kernels[0])


def _linear(loaded: LoadedModel, names: Iterable[str]) -> dict[str, nn.Linear]:
    layers = {name: loaded.layer(name) for name in names if name.endswith(".weight")}
    return {name: layer for name, layer in layers.items() if isinstance(layer, nn.Linear)}


def _packed(name: str, dense: Tensor) -> Any:
    """A weight as the kernels want it, of PyTorch's own subclass of tensors."""
    if int((dense.view(-1, 4) != 0).sum(1).amax()) > 2:  # they would drop the third and say nothing
        raise ExperimentError(f"{name} has groups of four weights of which more than two are left")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The PyTorch API of SparseSemiStructuredTensor is in prototype stage")
        return torch.sparse.to_sparse_semi_structured(dense)
