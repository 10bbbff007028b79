"""A model read from its files by transformers, whatever its family, and held against what a plan said of it.

Nothing is offloaded to the host, no code of the checkpoint is run, and nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from suite.errors import InputError, first_line
from suite.models.source import ModelSource
from suite.models.stored import Stored


def from_files(source: ModelSource, folder: Path, dtype: torch.dtype, device_map: Any) -> PreTrainedModel:
    """The model, for inference.

    Raises:
        InputError: transformers cannot load it, or finds no values for a parameter.
        torch.OutOfMemoryError: it does not fit.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        attention = _attention(config)
        # A config.json that says it itself overrules what is asked for, and may name code of the hub to fetch and run.
        config._attn_implementation = attention
        model: PreTrainedModel
        report: dict[str, Any]
        model, report = AutoModelForCausalLM.from_pretrained(  # type: ignore[misc]  # with the report it is a pair
            folder,
            config=config,
            dtype=dtype,
            device_map=device_map,
            attn_implementation=attention,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (RuntimeError, MemoryError):  # out of memory, which has its own cure
        raise
    except Exception as error:  # of a configuration from anybody, transformers raises whatever comes up
        raise InputError(f"model {source.name!r}: transformers cannot load it: {first_line(error)}") from error
    if missing := sorted(report["missing_keys"]):
        raise InputError(
            f"model {source.name!r}: transformers finds no values for {missing[0]} in {folder}; copy or fetch it again"
        )
    model.eval().requires_grad_(False)
    return model


def _attention(config: PreTrainedConfig) -> str:
    """The attention that a model runs with: PyTorch's own kernels where its class has them, else plain products."""
    kind = cast(type[PreTrainedModel], MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])
    return "sdpa" if kind._supports_sdpa else "eager"


def check_shapes(source: ModelSource, model: PreTrainedModel) -> None:
    """See that what was found in the class by the configuration alone is what is there.

    Raises:
        InputError: it is not.
    """
    there = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    for name, shape in {parameter.name: parameter.shape for parameter in source.anatomy.parameters}.items():
        if there.pop(name, None) != shape:
            raise InputError(
                f"model {source.name!r}: {name} is not of the shape {list(shape)} that its config.json says"
            )
    if there:
        raise InputError(f"model {source.name!r}: {next(iter(there))} is not known from its config.json")


def take_converted(source: ModelSource, folder: Path, model: PreTrainedModel, stored: Stored) -> None:
    """Keep, in the checkpoint's dtype, what of a model is not to be found in its files as it is in memory."""
    names = [one.name for one in source.anatomy.parameters if stored.differs(one.name, model.get_parameter(one.name))]
    if not names:
        return
    dtype = getattr(torch, source.stored_dtype)
    whole = model if model.dtype == dtype else from_files(source, folder, dtype, {"": "cpu"})
    stored.convert({name: whole.get_parameter(name).detach().to("cpu", copy=True) for name in names})


def device_map_of(weight_bytes: int) -> Any:
    """Whole on the first GPU where it fits, spread over the GPUs where it does not; on the processor without one."""
    if not torch.cuda.is_available():
        return {"": "cpu"}
    free = [torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())]
    if len(free) == 1 or weight_bytes < 0.85 * free[0]:
        return {"": 0}
    return "balanced"
