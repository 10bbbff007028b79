"""Commands as processes of their own, forked from one that has the libraries that take seconds to import.

A call has its own environment, working directory, arguments, output and exit code, as a new Python would. Nothing is
imported beforehand that reads its settings from the environment as it is imported: huggingface_hub, and what needs it.
That a command imports no torch, and what a signal does to one, is tested with a new Python.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

IMPORTED = (
    *(
        "torch",
        "torch._dynamo",
        "numpy",
        "scipy.stats",
        "safetensors.torch",
        "tokenizers",
        "pydantic",
        "yaml",
        "jinja2",
    ),
    *("rich.progress", "click", "psutil", "regex", "filelock", "tqdm.auto", "httpx2", "httpcore2", "anyio", "trio"),
    *("attr", "PIL.Image", "pandas", "pyarrow.parquet", "pyarrow.dataset", "dill", "xxhash", "multiprocess"),
)
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(list(IMPORTED))


def run(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 180
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run(command, capture_output=True, text=True)` gives, for `python -c SCRIPT` or `-m MODULE`.

    Raises:
        subprocess.TimeoutExpired: it was ended after `timeout` seconds.
    """
    assert command[0] == sys.executable and command[1] in ("-c", "-m"), command
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        told = (*command[1:3], list(command[3:]), dict(env or os.environ), str(cwd or Path.cwd()), str(out), str(err))
        process = _forking.Process(target=_call, args=told)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(command), timeout, out.read_bytes(), err.read_bytes())
        said = [path.read_text(encoding="utf-8") for path in (out, err)]
        return subprocess.CompletedProcess(list(command), process.exitcode, *said)


def _call(how: str, what: str, arguments: list[str], env: dict[str, str], cwd: str, out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        with Path(path).open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
        stream.reconfigure(encoding="utf-8")
    sys.argv = [how, *arguments]
    try:
        if how == "-c":
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
        else:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # which multiprocessing leaves out
