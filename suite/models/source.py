"""Where a model comes from: a name of the catalogue, a directory, a hub repository at a pinned revision, or a file that
several places have.

Resolved without torch, so that a plan and every complaint about a model come before the first experiment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import InputError
from suite.hashes import sha256_of
from suite.models import catalogue
from suite.models.anatomy import Anatomy, Config, Parts, anatomy_of
from suite.models.catalogue import CatalogueModel, FolderModel, Published
from suite.models.families import ARCHITECTURES, declared, family_of
from suite.models.header import safetensors_header
from suite.plugins import Origin
from suite.records.experiment import digest
from suite.records.schema import ModelSummary
from suite.weights import WeightsFile

if TYPE_CHECKING:
    from suite.hub.retry import Watch

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "tokenizer_config.json")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
CONVERT = "where you trust it, load it with transformers and save it anew, save_pretrained writes safetensors"
SIZES = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "max_position_embeddings"),
    *("num_attention_heads", "num_key_value_heads", "head_dim"),
)
LARGEST = 2**31  # of any size that a configuration gives
MOST_LAYERS = 1_000
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}


@dataclass(frozen=True, slots=True)
class GgufFile:
    """A GGUF file: where it lies on this disk, its SHA-256 and bytes, and the type or types of its matrices.

    `tokenizer` are the files that are taken in place of the file's own tokenizer.
    """

    path: Path | None
    sha256: str
    bytes: int
    quantisation: str
    tokenizer: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ModelSource:
    """One model, pinned. `folder` (a local directory), `repository` or `gguf` (one file) says where it comes from; none
    does for an untrained network. `weights` are the places that have a GGUF file, where it is fetched.

    `revision` is a commit of the hub, or `sha256:...` over a local directory's files or of a GGUF file, of which
    `+...` is the digest of a tokenizer in place of the file's own. `dtype` is what the manifest asks the model to run
    in, `auto` where the hardware may choose. `parts` are those that the manifest says of weights by their names.
    `plugin` is the package that brought it into the catalogue, if one did.
    """

    name: str
    revision: str
    config: Config
    folder: Path | None = None
    repository: str | None = None
    dtype: str = "auto"
    stored_dtype: str = "bfloat16"
    published: Published | None = None
    weights: WeightsFile | None = None
    licence: str | None = None
    gguf: GgufFile | None = None
    parts: Parts = ()
    plugin: Origin | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: all but the anatomy, which is worked out again there."""
        return {key: value for key, value in self.__dict__.items() if key != "anatomy"}

    @property
    def untrained(self) -> bool:
        """Whether it is a network of which only the architecture is known."""
        return self.folder is None and self.repository is None and self.gguf is None

    @cached_property
    def anatomy(self) -> Anatomy:
        return anatomy_of(self.config, self.parts)

    @property
    def summary(self) -> ModelSummary:
        anatomy = self.anatomy
        return ModelSummary(
            architecture=anatomy.family,
            parameters=anatomy.weights,
            block_weights=anatomy.block_weights,
            layers=anatomy.layers,
            tied=anatomy.tied,
            quantisation=self.gguf.quantisation if self.gguf else None,
            file_format="gguf" if self.gguf else None,
            licence=self.licence,
        )


def from_catalogue(name: str, dtype: str = "auto") -> ModelSource:
    """A model of the catalogue.

    Raises:
        InputError: no model has this name, or its plug-in does not work.
    """
    if name in catalogue.MODELS:
        model, plugin = catalogue.MODELS[name], catalogue.MODELS.origin(name)
        if isinstance(model, FolderModel):
            source = from_folder(name, model.folder, dtype)
            return replace(source, published=model.published, licence=model.licence, plugin=plugin)
        return ModelSource(
            name,
            model.revision,
            model.config,
            repository=model.repository,
            dtype=dtype,
            stored_dtype=model.stored_dtype,
            published=model.published,
            weights=model.weights,
            licence=model.licence,
            gguf=_of_catalogue(model),
            plugin=plugin,
        )
    catalogue.MODELS.heed(name)
    if name in catalogue.embedded():
        return from_folder(name, catalogue.embedded()[name], dtype)
    raise InputError(
        f"no model is called {name!r}; the catalogue has {', '.join(catalogue.names())}, "
        "and any other is written as {name: ..., path: ...} or {name: ..., repository: ..., revision: ...}"
    )


def _of_catalogue(model: CatalogueModel) -> GgufFile | None:
    """The file of a catalogue's model, which need not be here yet."""
    file = model.weights
    if file is None or file.sha256 is None or file.bytes is None or model.quantisation is None:
        return None
    return GgufFile(None, file.sha256, file.bytes, model.quantisation)


def from_hub(name: str, repository: str, revision: str, dtype: str = "auto", parts: Parts = ()) -> ModelSource:
    """A model of the hub that is not in the catalogue; its configuration is fetched (or read from the cache).

    Args:
        parts: which part weights are that no name tells, or that are to be another.

    Raises:
        InputError: the hub does not give it.
    """
    from suite.hub import fetch_file  # huggingface_hub takes 0.3 s to import

    config = read_config(name, fetch_file(repository, revision, "config.json"))
    stored = _said_dtype(config)
    source = ModelSource(name, revision, config, repository=repository, dtype=dtype, stored_dtype=stored, parts=parts)
    _check_config(source)
    return source


def from_weights_file(name: str, weights: WeightsFile, dtype: str = "auto", watch: Watch | None = None) -> ModelSource:
    """A model in one file (GGUF), which is fetched unless the cache has it: the file itself says what model it is.

    Its tokenizer is its own, whatever lies beside it: the same SHA-256 is the same model from any source.

    Raises:
        InputError: no source gives the file, or it is not what it should be.
    """
    from suite.weights.obtain import obtain_file

    return replace(from_gguf(name, obtain_file(weights, watch), dtype), weights=weights)


def from_architecture(name: str, architecture: Mapping[str, Any]) -> ModelSource:
    """A network that is not trained yet, of the embedded corpus' words; its revision is its configuration's digest.

    Args:
        architecture: fields of a transformers configuration, `model_type` among them.

    Raises:
        InputError: the suite does not know the anatomy, or a size is none or does not fit the others.
    """
    place = f"model {name!r}: architecture"
    known = _read_json(name, catalogue.embedded()["story-llama"] / "config.json")
    config = {
        **{key: value for key, value in architecture.items() if value is not None},
        "vocab_size": known["vocab_size"],
    }
    _check_sizes(place, config)
    if not declared(config):
        raise InputError(
            f"{place}: a network to be trained is of a declared family without biases of its own ("
            f"{', '.join(ARCHITECTURES)}), and found {config.get('model_type')!r:.40}"
        )
    source = ModelSource(name, f"sha256:{digest(config)}", config, stored_dtype="float32")
    _check_anatomy(source, place)
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    if hidden % (2 * heads) or heads % config.get("num_key_value_heads", heads):
        raise InputError(
            f"{place}: hidden_size is an even multiple of num_attention_heads, which num_key_value_heads divides; "
            f"found {hidden}, {heads} and {config.get('num_key_value_heads', heads)}"
        )
    return source


def from_folder(
    name: str, folder: Path, dtype: str = "auto", revision: str | None = None, parts: Parts = ()
) -> ModelSource:
    """A model directory as transformers saves it: config.json, safetensors, a tokenizer.

    Args:
        revision: what the files are already known to be; without it, they are hashed.
        parts: which part weights are that no name tells, or that are to be another.

    Raises:
        InputError: a file is missing, damaged, or not safetensors; or the anatomy is not known.
    """
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise InputError(f"model {name!r}: there is no directory {folder} to read: {error.strerror}") from error
    config = read_config(name, folder / "config.json")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        why = f"; {pickles[0]} is a pickle, which can run code and is refused: {CONVERT}" if pickles else ""
        raise InputError(f"model {name!r}: {folder} holds no .safetensors file{why}")
    _check_index(name, folder)
    tensors = {key: entry for path in weights for key, entry in safetensors_header(path).items()}
    files = [folder / "config.json", *weights, *(folder / file for file in TOKENIZER_FILES)]
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        raise InputError(f"model {name!r}: {folder} holds no tokenizer (expected tokenizer.json)")
    dtypes = {_DTYPES.get(entry["dtype"], entry["dtype"]) for entry in tensors.values()}
    stored = dtypes.pop() if len(dtypes) == 1 else _said_dtype(config)
    revision = revision or f"sha256:{files_digest(files)}"
    source = ModelSource(name, revision, config, folder=folder, dtype=dtype, stored_dtype=stored, parts=parts)
    _check_config(source)
    _check_tensors(source, {key: tuple(entry["shape"]) for key, entry in tensors.items()})
    return source


def from_gguf(name: str, path: Path, dtype: str = "auto", tokenizer: tuple[Path, ...] = ()) -> ModelSource:
    """A GGUF file, known from its header alone; its weights are dequantised to float32 when they are loaded.

    Args:
        tokenizer: the files that are taken in place of its own tokenizer; they are part of the revision, too.

    Raises:
        InputError: it cannot be read, or is not a model that the suite can convert.
    """
    from suite.gguf.configuration import configuration
    from suite.gguf.header import read_header
    from suite.gguf.names import quantisation, tensors_by_parameter

    try:
        header = read_header(path)
        config = configuration(header)
        _check_sizes(str(path), config)
        sha256 = sha256_of(path)
        gguf = GgufFile(path, sha256, header.size, quantisation(header), tokenizer)
        another = f"+{files_digest(tokenizer)[:16]}" if tokenizer else ""
        licence = header.metadata.get("general.license")
        source = ModelSource(
            name,
            f"sha256:{sha256}{another}",
            config,
            dtype=dtype,
            stored_dtype="float32",
            gguf=gguf,
            licence=licence[:100] if isinstance(licence, str) and licence.isprintable() else None,
        )
        _check_anatomy(source, str(path))
        tensors_by_parameter(header, source.anatomy)
    except OSError as error:
        raise InputError(f"model {name!r}: cannot read {path}: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"model {name!r}: {error}") from error
    return source


def _check_index(name: str, folder: Path) -> None:
    """The index of a model in several files names nothing but files beside it."""
    for path in folder.glob("*.safetensors.index.json"):
        shards = _read_json(name, path).get("weight_map")
        if not isinstance(shards, dict):
            raise InputError(f"model {name!r}: {path} has no `weight_map` from tensors to files; copy it again")
        for shard in shards.values():
            if not isinstance(shard, str) or Path(shard).name != shard or not (folder / shard).is_file():
                raise InputError(f"model {name!r}: {path} names {shard!r}, and no such file lies beside it")


def read_config(name: str, path: Path) -> Config:
    """The configuration; its sizes are such that the anatomy can be worked out."""
    config = _read_json(name, path)
    if family_of(config) is None:
        return config  # what its class makes of it says which sizes there are
    config = {key: value for key, value in config.items() if value is not None}
    _check_sizes(f"model {name!r}: {path}", config)
    return config


def _check_sizes(place: str, config: Config) -> None:
    for key in filter(config.__contains__, SIZES):
        size, most = config[key], MOST_LAYERS if key == "num_hidden_layers" else LARGEST
        if type(size) is not int or not 0 < size <= most:
            raise InputError(f"{place}: {key} is a number from 1 to {most:,}, and found {size!r}")


def _said_dtype(config: Config) -> str:
    return str(config.get("dtype") or config.get("torch_dtype") or "float32")


def _read_json(name: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"model {name!r}: cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"model {name!r}: {path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"model {name!r}: {path} holds no JSON object")
    return found


def _check_anatomy(source: ModelSource, place: str) -> None:
    try:
        _ = source.anatomy
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{place} lacks the key {error}") from error


def _check_config(source: ModelSource) -> None:
    if quantised := source.config.get("quantization_config"):
        how = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise InputError(
            f"model {source.name!r}: its config.json says that its weights are quantised ({how or 'somehow'!s:.40}), "
            f"and the suite prunes {', '.join(_DTYPES.values())}; save it anew from transformers, dequantised"
        )
    _check_anatomy(source, f"model {source.name!r}: its config.json")
    if source.stored_dtype not in _DTYPES.values():
        known = ", ".join(_DTYPES.values())
        raise InputError(
            f"model {source.name!r}: its weights are stored as {source.stored_dtype}, and the suite prunes {known}"
        )


def _check_tensors(source: ModelSource, found: dict[str, tuple[int, ...]]) -> None:
    anatomy = source.anatomy
    known = {name for parameter in anatomy.parameters for name in anatomy.stored_names(parameter.name)}
    converted = anatomy.found_in is not None and not found.keys() <= known  # at loading, to other names and shapes
    for parameter in anatomy.parameters:
        shape = next((found[name] for name in anatomy.stored_names(parameter.name) if name in found), None)
        if shape is None and converted:
            continue
        if shape != parameter.shape:
            what = "is missing" if shape is None else f"has shape {list(shape)}"
            raise InputError(
                f"model {source.name!r}: tensor {parameter.name} {what} in {source.folder}; "
                f"its config.json asks for {list(parameter.shape)}"
            )


def files_digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of the files that are there."""
    total = hashlib.sha256()
    for path in files:
        if path.is_file():
            total.update(f"{path.name}:{sha256_of(path)}\n".encode())
    return total.hexdigest()
