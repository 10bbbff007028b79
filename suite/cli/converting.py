"""Models of GGUF files that are dequantised into the cache, and how that looks while it is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from suite.cli.progress import conversion_progress
from suite.models.source import ModelSource


def convert_models(models: Iterable[ModelSource], console: Console) -> list[tuple[ModelSource, Path]]:
    """Dequantise the models that come from GGUF files into the cache, where it lacks them.

    Returns:
        Those models, each file once, and the directory of each.

    Raises:
        InputError: a file cannot be had or converted, or the cache has no room.
    """
    from suite.gguf.cache import gguf_folder

    done = []
    for model in {model.gguf: model for model in models if model.gguf is not None}.values():
        with conversion_progress(console, model.name) as told:
            done.append((model, gguf_folder(model, told)))
    return done


def converted_line(model: ModelSource, folder: Path) -> str:
    """`smollm2-135m-instruct: dequantised from Q4_1 and Q8_0, 545 MB in DIR`"""
    from suite.needs import gigabytes

    assert model.gguf is not None
    size = sum(path.stat().st_size for path in folder.iterdir())
    return f"{model.name}: dequantised from {model.gguf.quantisation}, {gigabytes(size)} in {folder}"
