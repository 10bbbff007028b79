"""Where the project's own files lie, and where results go.

Manifests and templates lie beside the package in a clone and in the image, and inside it where it was installed from a
wheel.
"""

import contextlib
import os
import secrets
import shlex
from pathlib import Path

from suite.errors import InputError

_BESIDE = Path(__file__).resolve().parents[1]
ROOT = _BESIDE if (_BESIDE / "templates" / "theme.yaml").is_file() else Path(__file__).resolve().parent / "files"
MANIFESTS = ROOT / "manifests"
TEMPLATES = ROOT / "templates"

DATA = "LOTTERY_DATA"  # the folders of models and texts that any manifest may name, separated as in PATH


def default_results() -> Path:
    """The results folder, unless a command is given another: $LOTTERY_RESULTS, else results."""
    return Path(os.environ.get("LOTTERY_RESULTS") or "results")


def model_cache() -> Path:
    """Where model files of a package index and converted models are kept: `lottery` in `hub_home()`."""
    return hub_home() / "lottery"


def hub_home() -> Path:
    """The home of the hub's caches, read from the environment as huggingface_hub does: $HF_HOME, else huggingface in
    $XDG_CACHE_HOME, else ~/.cache/huggingface."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.path.expandvars(Path(home).expanduser()))


def here_or_shipped(path: Path) -> Path:
    """The path; or where nothing is there the suite's own of that name, a manifest's without its folder too: where the
    suite was installed no clone lies around."""
    if path.is_absolute() or path.exists():
        return path
    return next((shipped for shipped in (ROOT / path, MANIFESTS / path) if shipped.exists()), path)


def data_folders() -> list[Path]:
    """The folders that $LOTTERY_DATA lists, absolute."""
    return [Path(folder).absolute() for folder in os.environ.get(DATA, "").split(os.pathsep) if folder]


def confined(path: Path, *own: Path) -> Path:
    """The path, where it stays inside the folders it may lead to once symlinks are followed.

    What a manifest or a theme names may come from anybody, so it may not name any file of this disk.

    Args:
        own: folders it may lead to, beside the working directory and those of $LOTTERY_DATA.

    Raises:
        InputError: it leads elsewhere, or is no path.
    """
    try:
        real = _real(path)
    except ValueError as error:  # a NUL
        raise InputError(f"{str(path)!r} is no path of a file: {error}") from error
    listed = data_folders()
    near = [_real(folder) for folder in (*own, Path())]
    near = [folder for folder in near if folder != folder.parent]  # working in the disk's root allows nothing more
    if not any(real.is_relative_to(folder) for folder in near + [_real(folder) for folder in listed]):
        wider = os.pathsep.join(map(str, [*listed, real.parent]))
        raise InputError(
            f"{path} leads to {real}, outside its own folder, the working directory and the folders of {DATA}; "
            f"if that is meant, give a command that reads a manifest --data {shlex.quote(str(real.parent))}, or: "
            f"export {DATA}={shlex.quote(wider)}"
        )
    return path


def _real(path: Path | str) -> Path:
    return Path(os.path.realpath(path))  # unlike Path.resolve it takes links in a circle for what they are: nothing


def write_whole(path: Path, text: str) -> None:
    """Write a file whole, in place of what was there; its folder is made. Who reads it sees the old text or the new.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def is_folder_name(name: str) -> bool:
    """Whether a name can be that of a study's folder: one that shows, on a terminal too, and no path."""
    return bool(name) and name.isprintable() and not name.startswith(".") and "/" not in name and "\\" not in name
