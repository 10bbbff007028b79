"""What tests of models share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suite.models.loading import LoadedModel

OnGpu = Callable[[tuple[int, int]], None]


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> OnGpu:
    """A function that has every model seem to lie on a GPU of a capability; float8 products themselves run anywhere."""

    def of(capability: tuple[int, int]) -> None:
        monkeypatch.setattr(LoadedModel, "capability", capability)
        monkeypatch.setattr("torchao.quantization.quant_api._check_hardware_support", lambda granularity: None)

    return of
