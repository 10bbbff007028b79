"""A model as it is in memory, as an ordinary Hugging Face directory; or its weights in the compressed format."""

from __future__ import annotations

import copy
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoTokenizer

from suite.data.windows import tokenizer_digest
from suite.errors import InputError
from suite.models.compressed import Compressed, write
from suite.models.loading import LoadedModel
from suite.models.removal import inner_size, inner_widths
from suite.pruning.masks import Bits, survives

WEIGHTS, COMPRESSED = "model.safetensors", "model.compressed.safetensors"
DETAILS, README = "lottery.json", "README.md"
Way = Callable[[str], Tensor]


def save(folder: Path, loaded: LoadedModel, masks: Mapping[str, Bits], compressed: bool) -> dict[str, str]:
    """Write the model as it is: weights, configuration, tokenizer.

    The weights are written in the checkpoint's dtype where they are exactly what the run's dtype holds, else all of
    them in the run's. The configuration's dtype is the run's, so that what loads it computes what was measured.

    Args:
        folder: there, and empty.
        loaded: the model, pruned or whatever else was done to it.
        masks: the packed mask of each pruned tensor.
        compressed: write `model.compressed.safetensors` in place of `model.safetensors`.

    Returns:
        What to know when loading it: `dtype` of the run, `stored_dtype` of the file, and the class of its `tokenizer`.

    Raises:
        InputError: transformers has no configuration for such a model.
        OSError: the folder cannot be written.
    """
    widths, was = inner_widths(loaded.anatomy), inner_widths(loaded.source.anatomy)
    if widths != was and inner_size(loaded.model.config) is None:
        raise InputError(
            f"a config.json of {loaded.anatomy.family} has no name for the inner width of its MLPs, so a model with "
            "fewer neurons cannot be written; export a cell that takes none out"
        )
    if widths != was and len(widths) > 1:
        raise InputError(
            f"the model's MLPs are {' and '.join(map(str, sorted(widths)))} neurons wide, and a config.json has one "
            "`intermediate_size` for all layers; export a cell that takes as many neurons from each"
        )
    values = _Values(loaded, masks)
    with (folder / (COMPRESSED if compressed else WEIGHTS)).open("wb") as file:
        write(file, values.names, values, masks if compressed else None)
    config = copy.deepcopy(loaded.model.config)
    config.tie_word_embeddings = loaded.tied
    config.dtype = loaded.dtype
    config.save_pretrained(folder)
    if loaded.model.generation_config is not None:
        loaded.model.generation_config.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    # AutoTokenizer goes by the model's type, and for some builds another tokenizer than the files describe.
    automatic = tokenizer_digest(AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False))
    right = automatic == tokenizer_digest(loaded.tokenizer)
    return {
        "dtype": loaded.dtype_name,
        "stored_dtype": str(values.dtype).removeprefix("torch."),
        "tokenizer": "AutoTokenizer" if right else "PreTrainedTokenizerFast",
    }


def explain(folder: Path, title: str, details: Mapping[str, Any]) -> None:
    """Put `lottery.json` and a README beside a model: what it is, and how it is loaded."""
    (folder / DETAILS).write_text(json.dumps(details, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    said = _README.format(title=title, origin=_origin(details), **details)
    (folder / README).write_text(said, encoding="utf-8")


def _origin(details: Mapping[str, Any]) -> str:
    """Where the weights come from, in sentences, as far as it is known."""
    model, revision = details["model"], details["experiment"]["revision"]
    found = f" They were dequantised from {model['quantisation']} ({revision})." if model["quantisation"] else ""
    return found + (f" Their licence: {model['licence']}." if model["licence"] else "")


def expand(folder: Path, out: Path) -> None:
    """Write the ordinary directory of a compressed one: byte for byte what would have been written without compression.

    Raises:
        InputError: it is no such directory, or `out` is taken or cannot be written.
    """
    if not (folder / COMPRESSED).is_file():
        why = f"; its {WEIGHTS} is an ordinary file already" if (folder / WEIGHTS).is_file() else ""
        raise InputError(f"{folder} holds no {COMPRESSED}, which `lottery export --compressed` writes{why}")
    with Compressed(folder / COMPRESSED) as tensors, new_folder(out) as made:
        with (made / WEIGHTS).open("wb") as file:
            write(file, tensors.names, tensors)
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name != COMPRESSED:
                shutil.copyfile(path, made / path.name)


def check_free(out: Path) -> None:
    """Refuse a place that holds something.

    Raises:
        InputError: it does.
    """
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise InputError(f"cannot read {out}: {error.strerror}; name another place with --out") from error
    if taken:
        raise InputError(f"{out} is there already, and not an empty folder; remove it, or name another with --out")


@contextmanager
def new_folder(out: Path, cure: str = "make room, or name another with --out") -> Iterator[Path]:
    """A folder to write in, which gets its name on leaving: it is there whole or not at all.

    Args:
        cure: what to do where it cannot be written.

    Raises:
        InputError: the name is taken, or the folder cannot be written.
    """
    check_free(out)
    temporary = out.absolute().parent / f".{out.name[:100]}-{secrets.token_hex(4)}.tmp"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        os.replace(temporary, out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}; {cure}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _Values:
    """The model's tensors as they are written, on the CPU, in `dtype`."""

    def __init__(self, loaded: LoadedModel, masks: Mapping[str, Bits]) -> None:
        self._loaded = loaded
        self._masks = masks
        self._parameters = dict(loaded.model.named_parameters())  # a tied one is there once
        kept = loaded.model.state_dict(keep_vars=True)
        self._buffers = {name: buffer for name, buffer in loaded.model.named_buffers() if name in kept}
        self.names = sorted(self._parameters | self._buffers)
        self.dtype: torch.dtype = getattr(torch, loaded.source.stored_dtype)
        ways = {name: self._exact(name) for name in self._parameters}
        if None in ways.values():
            self.dtype = loaded.dtype
            ways = dict.fromkeys(self._parameters, self._now)
        self._ways = ways

    def __call__(self, name: str) -> Tensor:
        if name in self._buffers:
            return self._buffers[name].detach().cpu()
        way = self._ways[name]
        assert way is not None
        return way(name)

    def _exact(self, name: str) -> Way | None:
        """How to have a tensor in the checkpoint's dtype so that the run's dtype makes of it what it is now."""
        now = self._parameters[name].detach().cpu()
        return next((way for way in (self._kept, self._now) if torch.equal(way(name).to(now.dtype), now)), None)

    def _kept(self, name: str) -> Tensor:
        """Its stored values, without what was removed."""
        stored = self._loaded.stored(name).to(self.dtype)
        if (mask := self._masks.get(name)) is None:
            return stored
        there = torch.from_numpy(survives(mask, stored.numel())).view(stored.shape)
        return stored.masked_fill(~there, 0)

    def _now(self, name: str) -> Tensor:
        return self._parameters[name].detach().cpu().to(self.dtype)


_README = """# {title}

Made by `lottery export` of the lottery suite {suite}. `lottery.json` holds the experiment whole, and the digest of the
mask that says which weights are zero.

```python
from transformers import AutoModelForCausalLM, {tokenizer}

model = AutoModelForCausalLM.from_pretrained("PATH")
tokenizer = {tokenizer}.from_pretrained("PATH")
```

The weights are stored in {stored_dtype}; loaded as above the model runs in {dtype}, as it was measured.{origin}
Where they lie in `model.compressed.safetensors`, write the ordinary directory first: `lottery expand PATH --out OTHER`.
"""
