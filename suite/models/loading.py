"""Load a model once, and give its checkpoint's stored values back as often as they are needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from suite.data.tokenizer import story_tokenizer
from suite.errors import InputError, first_line
from suite.models.anatomy import Anatomy, Config
from suite.models.reading import check_shapes, device_map_of, from_files, take_converted
from suite.models.source import ModelSource, from_folder, read_config
from suite.models.stored import Stored

disable_progress_bar()  # the terminal is the command line's own

Tensors = Callable[[str], Tensor]  # a tensor by its name, on the CPU


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
        # Its tensors are checked as a directory's are.
        from_folder(source.name, folder, revision=source.revision, parts=source.parts)
    run_dtype = getattr(torch, dtype)
    model = from_files(source, folder, run_dtype, device_map_of(source.anatomy.weights * run_dtype.itemsize))
    stored = Stored(folder, source.anatomy)
    if source.anatomy.found_in is not None:
        check_shapes(source, model)
        take_converted(source, folder, model, stored)
    loaded = LoadedModel(source, model, load_tokenizer(source), stored, run_dtype, dtype_reason)
    if loaded.tied != source.anatomy.tied:
        state = "share" if loaded.tied else "do not share"
        raise InputError(
            f"model {source.name!r}: its head and embeddings {state} their storage, and its config.json says otherwise"
        )
    return loaded


def _folder(source: ModelSource) -> Path:
    if source.folder is not None:
        return source.folder
    if source.gguf is not None:
        from suite.gguf.cache import gguf_folder

        return gguf_folder(source)
    from suite.hub import fetch_model

    assert source.repository is not None
    return fetch_model(source.repository, source.revision)
