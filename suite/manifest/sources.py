"""Where the models and texts that a manifest names come from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from suite import declared
from suite.data.source import TextSource, same_text, text_from_catalogue, text_from_file, training_text
from suite.errors import InputError
from suite.gguf.header import GGUF
from suite.gguf.tokenizer import tokenizer_beside
from suite.manifest.entries import LearntText, ModelEntry, TextEntry
from suite.manifest.schema import Manifest
from suite.models.catalogue import Published
from suite.models.source import (
    ModelSource,
    from_architecture,
    from_catalogue,
    from_folder,
    from_gguf,
    from_hub,
    from_weights_file,
)
from suite.records.experiment import TextReference

Allowed = Callable[[Path, Path], Path]  # a path and the folder it is relative to -> the path, if it may be followed


class Sources:
    """A manifest's models and text, and the texts that are learnt from as they are asked for."""

    def __init__(self, manifest: Manifest, path: Path, positions: declared.Positions, allowed: Allowed) -> None:
        self.path = path
        self.positions = positions
        self.allowed = allowed
        self.models = tuple(self.located(("models", i), self._model, entry) for i, entry in enumerate(manifest.models))
        self.text: TextSource = self.located(("text",), self._whole, manifest.text)
        self.learnt: dict[TextReference, TextSource] = {}

    def located(self, where: declared.Where, resolve: Any, *arguments: Any) -> Any:
        try:
            return resolve(*arguments)
        except InputError as error:
            if str(error).startswith(f"{self.path}:"):
                raise
            raise InputError(f"{self.positions.at(where)}: {error}") from error

    def _model(self, entry: ModelEntry) -> ModelSource:
        source = self._source(entry)
        if source.parts != entry.own_parts:
            source = replace(source, parts=entry.own_parts)
            _ = source.anatomy  # where a pattern fits nothing, it says so
        return source if entry.published is None else replace(source, published=Published(entry.published))

    def _source(self, entry: ModelEntry) -> ModelSource:
        if entry.path is not None:
            folder = self._placed(entry.path)
            if folder.suffix.lower() == GGUF and not folder.is_dir():
                beside = tokenizer_beside(folder)
                for file in beside:
                    self.allowed(file, folder.parent)
                return from_gguf(entry.name, folder, entry.dtype, beside)
            with suppress(OSError):  # a folder that is none is told by from_folder
                for file in folder.iterdir():
                    self.allowed(file, folder)  # which may be a link
            return from_folder(entry.name, folder, entry.dtype, parts=entry.own_parts)
        if entry.architecture is not None:
            return from_architecture(entry.name, entry.architecture)
        if entry.weights is not None:
            return from_weights_file(entry.name, entry.weights, entry.dtype)
        if entry.repository is not None and entry.revision is not None:
            return from_hub(entry.name, entry.repository, entry.revision, entry.dtype, entry.own_parts)
        return from_catalogue(entry.name, entry.dtype)

    def _text(self, entry: TextEntry | LearntText) -> TextSource:
        if entry.name is None:
            if entry.path is not None or entry.join is not None:
                raise InputError("a text with a path, or to be joined in another way, needs a name")
            return training_text(self.text)
        if entry.path is not None:
            return text_from_file(entry.name, self._placed(entry.path), entry.join)
        return text_from_catalogue(entry.name, entry.join)

    def _whole(self, entry: TextEntry | LearntText) -> TextSource:
        """A text that is read from its start to its end."""
        text = self._text(entry)
        if text.by_document:
            raise InputError(
                f"text {text.name!r} is documents to draw from, for `calibration` and `recovery` alone; give another"
            )
        return text

    def learn_from(self, where: declared.Where, entry: LearntText, whole: bool = False) -> TextReference:
        """The text that is learnt from, `whole` or drawn from; never the one that is measured on."""
        source: TextSource = self.located(where, self._whole if whole else self._text, entry)
        if same_text(source, self.text):
            raise InputError(
                f"{self.positions.at(where)}: text {source.name!r} is the one that is measured on; a criterion or a "
                "model that has seen it would be measured too well: give another"
            )
        return self.learnt.setdefault(source.reference, source).reference

    def _placed(self, named: str) -> Path:
        return self.allowed(self.path.parent / named, self.path.parent)
