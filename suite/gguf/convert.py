"""A GGUF file as an ordinary model directory: its weights dequantised, its configuration and tokenizer written out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from suite.errors import InputError, first_line
from suite.gguf.configuration import configuration
from suite.gguf.header import Header
from suite.gguf.names import tensors_by_parameter
from suite.gguf.tokenizer import write_tokenizer
from suite.gguf.values import Values
from suite.models.anatomy import Anatomy
from suite.models.compressed import write
from suite.models.export import WEIGHTS

Progress = Callable[[int, int], None]  # weights that are done, of how many


def convert(
    header: Header,
    folder: Path,
    dtype: str = "float32",
    progress: Progress | None = None,
    tokenizer: tuple[Path, ...] = (),
) -> None:
    """Write a GGUF file's model as transformers saves one, a tensor at a time.

    Args:
        folder: there, and empty.
        dtype: of the weights: float32, which dequantised values are exact in, float16 or bfloat16.
        tokenizer: the files that are taken in place of the file's own tokenizer.

    Raises:
        InputError: the file is not a model that the suite reads.
        OSError: the folder cannot be written.
    """
    described = configuration(header)
    anatomy = Anatomy(described)
    tensors = tensors_by_parameter(header, anatomy)
    write_tokenizer(header, folder, anatomy.vocabulary, tokenizer)
    _write_configuration(header, described, folder, getattr(torch, dtype))
    values = Values(header, tensors, described, getattr(torch, dtype))
    done = 0

    def told(name: str) -> Tensor:
        nonlocal done
        done += tensors[name].weights
        if progress:
            progress(done, anatomy.weights)
        return values(name)

    with (folder / WEIGHTS).open("wb") as file:
        write(file, tensors, told, blanks=values.blank)


def _write_configuration(header: Header, described: dict[str, Any], folder: Path, dtype: torch.dtype) -> None:
    try:
        config = AutoConfig.for_model(**described)
        config.dtype = dtype
        config.architectures = [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.model_type]]
        config.save_pretrained(folder)
        GenerationConfig.from_model_config(config).save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # of a configuration from anybody, transformers raises whatever comes up
        raise InputError(f"{header.path}: transformers takes no such configuration: {first_line(error)}") from error
