"""2:4 kernels without their hardware: a weight of which half is kept, and products computed from it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suite.models.loading import LoadedModel


class Sparse(Tensor):
    """Half of a weight, as PyTorch's own subclass keeps it; what it multiplies is counted."""

    BACKEND = "fake"
    products = 0

    @staticmethod
    def __new__(cls, dense: Tensor) -> Sparse:
        return torch.Tensor._make_wrapper_subclass(cls, dense.shape, dtype=dense.dtype, device=dense.device)

    def __init__(self, dense: Tensor) -> None:
        groups = dense.view(-1, 4)
        places = (groups != 0).float().topk(2, dim=1).indices
        self.values, self.places = groups.gather(1, places), places.to(torch.uint8)

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["values", "places"], None

    def dense(self) -> Tensor:
        groups = torch.zeros(self.numel() // 4, 4, dtype=self.dtype)
        return groups.scatter_(1, self.places.long(), self.values).view(self.shape)

    @classmethod
    def __torch_dispatch__(cls, func: object, types: object, args: tuple = (), kwargs: dict | None = None) -> Tensor:
        if func is torch.ops.aten.detach.default:
            return args[0]
        Sparse.products += 1
        opened = [one.dense() if isinstance(one, Sparse) else one for one in args]
        return func(*opened, **(kwargs or {}))


def ampere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have models seem to lie on a GPU whose 2:4 kernels take matrices of at least 32 rows."""

    def convert(dense: Tensor) -> Tensor:
        if dense.shape[0] < 32:
            raise RuntimeError(f"Error original_tensor.shape {tuple(dense.shape)} is not supported!")
        return Sparse(dense)

    monkeypatch.setattr(LoadedModel, "capability", (8, 0))
    monkeypatch.setattr(torch.sparse, "to_sparse_semi_structured", convert)
    monkeypatch.setattr(Sparse, "products", 0)
