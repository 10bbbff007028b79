"""What made a number: hardware, driver, versions, commit."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from suite import __version__
from suite.data.catalogue import TEXTS
from suite.data.source import text_from_catalogue
from suite.machine import this_machine
from suite.paths import ROOT
from suite.plugins import Origin
from suite.pruning.criteria import CRITERIA
from suite.records.experiment import Experiment, TextReference
from suite.records.schema import Environment, PluginUse

if TYPE_CHECKING:
    from suite.models.loading import LoadedModel
    from suite.models.source import ModelSource

LIBRARIES = ("torch", "transformers", "accelerate", "datasets", "tokenizers", "safetensors", "numpy", "torchao", "gguf")


def environment(
    loaded: LoadedModel | None, started: str, seconds: float, plugins: tuple[PluginUse, ...] = ()
) -> Environment:
    """The environment of one experiment; without a model (it could not be loaded) the model's fields say so."""
    machine = this_machine()
    return Environment(
        suite_version=__version__,
        commit=commit(),
        image_digest=image_digest(),
        hardware=machine.hardware,
        device=str(loaded.device) if loaded else "none",
        driver=machine.driver,
        threads=torch.get_num_threads(),
        memory_bytes=machine.memory,
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        libraries=libraries(),
        device_map=loaded.device_map if loaded else "none",
        dtype=loaded.dtype_name if loaded else "none",
        dtype_reason=loaded.dtype_reason if loaded else "the model was not loaded",
        attention=loaded.model.config._attn_implementation if loaded else "none",
        started=started,
        seconds=seconds,
        plugins=plugins,
    )


def plugins_of(experiment: Experiment, model: ModelSource) -> tuple[PluginUse, ...]:
    """What of an experiment other packages brought, and which."""
    learnt = (experiment.calibration, experiment.recovery, experiment.training)
    texts = dict.fromkeys([experiment.text, *(asked.text for asked in learnt if asked)])
    found: list[tuple[Literal["criterion", "text", "model"], str, Origin | None]] = [
        ("criterion", experiment.criterion, CRITERIA.origin(experiment.criterion)),
        ("model", model.name, model.plugin),
        *(("text", text.name, _brought(text)) for text in texts),
    ]
    return tuple(
        PluginUse(kind=kind, name=name, distribution=origin.distribution, version=origin.version)
        for kind, name, origin in found
        if origin is not None
    )


def _brought(text: TextReference) -> Origin | None:
    """Whose a text is; another of the same name, a manifest's own, is nobody's."""
    origin = TEXTS.origin(text.name)
    return origin if origin and text_from_catalogue(text.name).revision == text.revision else None


@cache
def commit() -> str | None:
    """The commit of the suite: of its clone, `+` when files differ from it; else what the image says; else None."""
    if not (ROOT / ".git").exists():
        return os.environ.get("LOTTERY_COMMIT")
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("LOTTERY_COMMIT")


@cache
def image_digest() -> str | None:
    """The image it runs in: what `$LOTTERY_IMAGE_DIGEST` says, else the SHA-256 of Apptainer's image file; else None.

    An image cannot know its own digest. Docker's has to be told; Apptainer names its file, which is read once a process
    (some seconds), if it can be seen from the inside.
    """
    said = os.environ.get("LOTTERY_IMAGE_DIGEST")
    file = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
    if said or not file:
        return said or None
    try:
        with Path(file).open("rb") as image:
            return "sha256:" + hashlib.file_digest(image, "sha256").hexdigest()
    except OSError:
        return None


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


@cache
def libraries() -> dict[str, str]:
    """The versions of what took part, by name."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["torch"] = torch.__version__  # says which build: 2.13.0+cpu
    return found
