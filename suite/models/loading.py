"""Load a model once, and give its checkpoint's stored values back as often as they are needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.utils.logging import disable_progress_bar

from suite.data.tokenizer import story_tokenizer
from suite.errors import InputError, first_line
from suite.models.anatomy import Anatomy, Config
from suite.models.source import ModelSource, from_folder, read_config, stored_names

disable_progress_bar()  # the terminal is the command line's own

NOT_THERE = "transformers finds no values for"

Tensors = Callable[[str], Tensor]  # a tensor by its name, on the CPU


class Stored:
    """The checkpoint's own values: what scores are taken from and models are restored from.

    They are memory-mapped. Those that transformers converts at loading (experts that a file keeps one by one are one
    tensor of the model) lie on the host as it converts them, in the checkpoint's dtype.
    """

    def __init__(self, folder: Path, anatomy: Anatomy) -> None:
        self._stack = ExitStack()
        self._anatomy = anatomy
        self._file_of: dict[str, Any] = {}
        self._converted: dict[str, Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            file = self._stack.enter_context(safe_open(path, framework="pt"))
            self._file_of.update(dict.fromkeys(file.keys(), file))

    def __call__(self, name: str) -> Tensor:
        """A tensor as stored (no cast), on the CPU; a tied one under either of its names."""
        for one in stored_names(self._anatomy, name):
            if one in self._converted:
                return self._converted[one]
            if one in self._file_of:
                tensor: Tensor = self._file_of[one].get_tensor(one)
                return tensor
        raise KeyError(name)

    def differs(self, name: str, parameter: Tensor) -> bool:
        """Whether the file's tensor of that name is not what the parameter was made of, or there is none."""
        try:
            found = self(name)
        except KeyError:
            return True
        return found.shape != parameter.shape or not torch.equal(found.to(parameter.dtype), parameter.cpu())

    def convert(self, values: Mapping[str, Tensor]) -> None:
        """Take values that transformers made of the files."""
        self._converted.update(values)

    def close(self) -> None:
        self._stack.close()
        self._file_of.clear()
        self._converted.clear()


@dataclass
class LoadedModel:
    """A model in memory, its tokenizer, and its stored values.

    `anatomy`, `stored` and `dtype` are of the model as it is: smaller while something is taken out of it, another dtype
    while it runs in another. `source.anatomy`, `checkpoint` and `baseline_dtype` are of the model as it was loaded.
    """

    source: ModelSource
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    checkpoint: Stored
    dtype: torch.dtype
    dtype_reason: str
    stored: Tensors = field(init=False)
    anatomy: Anatomy = field(init=False)
    baseline_dtype: torch.dtype = field(init=False)

    def __post_init__(self) -> None:
        self.stored, self.anatomy, self.baseline_dtype = self.checkpoint, self.source.anatomy, self.dtype

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def capability(self) -> tuple[int, int] | None:
        """The CUDA compute capability of the GPUs the model lies on, the lowest of several; None on a processor."""
        devices = {parameter.device for parameter in self.model.parameters()}
        on_gpu = all(device.type == "cuda" for device in devices)
        return min(map(torch.cuda.get_device_capability, devices)) if on_gpu else None

    @property
    def dtype_name(self) -> str:
        """The dtype as records write it: `float32`."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def head(self) -> nn.Linear:
        return cast(nn.Linear, self.model.get_output_embeddings())

    @property
    def table(self) -> nn.Embedding:
        return cast(nn.Embedding, self.model.get_input_embeddings())

    @property
    def tied(self) -> bool:
        """Whether head and embeddings are one tensor, found by storage and not by name."""
        return self.head.weight.data_ptr() == self.table.weight.data_ptr()

    @property
    def device_map(self) -> str:
        """Where the layers lie: one device, or each device with its number of modules."""
        placed = getattr(self.model, "hf_device_map", None)
        if not placed or len(set(placed.values())) == 1:
            return str(self.device)
        devices = [str(device) for device in placed.values()]
        return ", ".join(f"{device}: {devices.count(device)} modules" for device in sorted(set(devices)))

    def parameter(self, name: str) -> nn.Parameter:
        return self.model.get_parameter(name)

    def layer(self, name: str) -> nn.Module:
        """The module that keeps the weight called `name`: a linear layer, or all experts of a block."""
        return self.model.get_submodule(name.rpartition(".")[0])

    @property
    def blocks(self) -> nn.ModuleList:
        return cast(nn.ModuleList, self.model.get_submodule(self.anatomy.places.blocks))

    @property
    def head_name(self) -> str:
        """The name of the head's weight."""
        return self.anatomy.head.name

    @property
    def table_name(self) -> str:
        """The name of the table of embeddings."""
        return self.anatomy.embeddings.name

    def pristine_head(self) -> nn.Linear:
        """The dense baseline's head, whatever was done to the model since.

        Hidden states [positions, width] to logits, both in the dtype the model was loaded in.
        """
        head, stored = self.head, {"weight": self.stored(self.head_name)}
        if head.bias is not None:
            stored["bias"] = self.stored(f"{self.anatomy.places.head}.bias")
        ours = {key: value.to(head.weight.device, self.baseline_dtype) for key, value in stored.items()}
        now = dict(head.named_parameters())
        if self.dtype == self.baseline_dtype and all(torch.equal(now[key], value) for key, value in ours.items()):
            return head
        made = nn.Linear(head.in_features, head.out_features, head.bias is not None, device="meta")
        for key, value in ours.items():
            setattr(made, key, nn.Parameter(value, requires_grad=False))
        return made

    @contextmanager
    def in_dtype(self, dtype: torch.dtype) -> Iterator[None]:
        """Have the model in another dtype while inside: its parameters are made anew from their stored values, one at a
        time. Buffers stay as they are: transformers keeps those of positions in float32 whatever a model runs in.
        """
        before = self.dtype
        try:
            self._cast(dtype)
            yield
        finally:
            self._cast(before)

    def _cast(self, dtype: torch.dtype) -> None:
        if dtype == self.dtype:
            return
        self.dtype = dtype
        self.model.config.dtype = dtype
        for parameter in self.anatomy.parameters:  # a tied one is listed once, and is one `nn.Parameter`
            self.remake(parameter.name)

    def remake(self, name: str) -> None:
        """Give a parameter its stored value in memory of its own, whatever shape or dtype it has."""
        parameter = self.parameter(name)
        parameter.data = self.stored(name).to(parameter.device, self.dtype, copy=True)

    @contextmanager
    def untied(self, wanted: bool) -> Iterator[int]:
        """Give the head a private copy of the shared table while inside; yields the copy's bytes (0: nothing done)."""
        if not (wanted and self.tied):
            yield 0
            return
        shared = self.table.weight
        self.head.weight = nn.Parameter(shared.detach().clone(), requires_grad=False)
        try:
            yield shared.nbytes
        finally:
            self.head.weight = shared

    def pristine(self, name: str) -> Tensor:
        """The stored values of a parameter that is as it was loaded, beside it.

        Where it runs in the dtype it is stored in they are its own memory: nothing is brought to a GPU.
        """
        parameter, stored = self.parameter(name), self.stored(name)
        return parameter.data if parameter.dtype == stored.dtype else stored.to(parameter.device)

    def restore(self, names: list[str]) -> None:
        """Put the stored values back into the named parameters."""
        with torch.no_grad():
            for name in names:
                self.parameter(name).copy_(self.stored(name))

    def strays(self) -> list[str]:
        """The parameters that are not, bit for bit, what the checkpoint holds in the model's dtype."""
        return [
            parameter.name
            for parameter in self.anatomy.parameters
            if not torch.equal(
                self.parameter(parameter.name).detach().cpu(), self.stored(parameter.name).to(self.dtype)
            )
        ]

    def close(self) -> None:
        """Let go of the memory."""
        self.checkpoint.close()
        del self.model
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """The model's tokenizer; of a network that is not trained yet, the embedded corpus'.

    Raises:
        InputError: it cannot be read.
    """
    if source.untrained:
        return story_tokenizer()
    folder = _folder(source)
    try:
        # AutoTokenizer goes by the model's type and would rebuild a tokenizer of another kind: a model that says its
        # tokenizer is whatever its tokenizer.json holds gets exactly that.
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        generic = settings.get("tokenizer_class") in ("TokenizersBackend", "PreTrainedTokenizerFast")
        kind = PreTrainedTokenizerFast if generic else AutoTokenizer
        # False, not left out: left out, a folder that brings its own code has the user asked whether to run it.
        return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of a file from anybody, tokenizers and transformers raise whatever comes up
        raise InputError(f"model {source.name!r}: its tokenizer cannot be read: {first_line(error)}") from error


def full_configuration(source: ModelSource) -> Config:
    """A model's configuration as its files have it: the catalogue's has the sizes alone, and no rotary base or epsilon.

    Raises:
        InputError: the files cannot be had.
    """
    return source.config if source.untrained else read_config(source.name, _folder(source) / "config.json")


def stored_values(source: ModelSource) -> dict[str, Tensor]:
    """A checkpoint's own values on the CPU, by the names of the model's parameters; a tied one once.

    Raises:
        InputError: the files cannot be had, or are not what the configuration says.
    """
    folder = _folder(source)
    if source.repository is not None:
        from_folder(source.name, folder, revision=source.revision, parts=source.parts)
    stored = Stored(folder, source.anatomy)
    try:
        return {parameter.name: stored(parameter.name) for parameter in source.anatomy.parameters}
    finally:
        stored.close()


def load_model(source: ModelSource, dtype: str, dtype_reason: str) -> LoadedModel:
    """Load a model whole on the GPU where there is one and it fits, spread over the GPUs where it does not.

    Never offloads to the host, never runs code of the checkpoint, never unpickles.

    Raises:
        InputError: the files cannot be had, or are not what the configuration says.
        torch.OutOfMemoryError: it does not fit.
    """
    folder = _folder(source)
    if source.repository is not None:
        from_folder(
            source.name, folder, revision=source.revision, parts=source.parts
        )  # its tensors are checked as a directory's are
    run_dtype = getattr(torch, dtype)
    model = _from_files(source, folder, run_dtype, _device_map(source.anatomy.weights * run_dtype.itemsize))
    stored = Stored(folder, source.anatomy)
    if source.anatomy.found_in is not None:
        _check_shapes(source, model)
        _take_converted(source, folder, model, stored)
    loaded = LoadedModel(source, model, load_tokenizer(source), stored, run_dtype, dtype_reason)
    if loaded.tied != source.anatomy.tied:
        state = "share" if loaded.tied else "do not share"
        raise InputError(
            f"model {source.name!r}: its head and embeddings {state} their storage, and its config.json says otherwise"
        )
    return loaded


def _from_files(source: ModelSource, folder: Path, dtype: torch.dtype, device_map: Any) -> PreTrainedModel:
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
        raise InputError(f"model {source.name!r}: {NOT_THERE} {missing[0]} in {folder}; download or save it again")
    model.eval().requires_grad_(False)
    return model


def _attention(config: PreTrainedConfig) -> str:
    """The attention that a model runs with: PyTorch's own kernels where its class has them, else plain products."""
    kind = cast(type[PreTrainedModel], MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])
    return "sdpa" if kind._supports_sdpa else "eager"


def _check_shapes(source: ModelSource, model: PreTrainedModel) -> None:
    """What was found in the class by the configuration alone is what is there."""
    there = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    for name, shape in {parameter.name: parameter.shape for parameter in source.anatomy.parameters}.items():
        if there.pop(name, None) != shape:
            raise InputError(
                f"model {source.name!r}: {name} is not of the shape {list(shape)} that its config.json says"
            )
    if there:
        raise InputError(f"model {source.name!r}: {next(iter(there))} is not known from its config.json")


def _take_converted(source: ModelSource, folder: Path, model: PreTrainedModel, stored: Stored) -> None:
    """Keep, in the checkpoint's dtype, what of a model is not to be found in its files as it is in memory."""
    names = [one.name for one in source.anatomy.parameters if stored.differs(one.name, model.get_parameter(one.name))]
    if not names:
        return
    dtype = getattr(torch, source.stored_dtype)
    whole = model if model.dtype == dtype else _from_files(source, folder, dtype, {"": "cpu"})
    stored.convert({name: whole.get_parameter(name).detach().to("cpu", copy=True) for name in names})


def _folder(source: ModelSource) -> Path:
    if source.folder is not None:
        return source.folder
    if source.gguf is not None:
        from suite.gguf.cache import gguf_folder

        return gguf_folder(source)
    from suite.hub import fetch_model

    assert source.repository is not None
    return fetch_model(source.repository, source.revision)


def _device_map(weight_bytes: int) -> Any:
    if not torch.cuda.is_available():
        return {"": "cpu"}
    free = [torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())]
    if len(free) == 1 or weight_bytes < 0.85 * free[0]:
        return {"": 0}
    return "balanced"
