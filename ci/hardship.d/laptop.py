"""Is anything lost when a study of real models is interrupted, and can it be run again offline? See ci/laptop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from whole import difference, read

CELLS = 6
MANIFEST = """
title: Two cells of each real model, one window
models:
  - {name: smollm2-135m-instruct, windows: 1}
  - {name: gemma-3-270m, windows: 1, bos: each}
  - {name: qwen2.5-coder-1.5b-instruct, windows: 1}
text: wikitext-2
measure: perplexity
experiments: [{target: blocks, sparsity: 0.3}]
"""


def start(manifest: Path, results: Path, **environment: str) -> subprocess.Popen[bytes]:
    """A run in a process group of its own."""
    command = [sys.executable, "-m", "suite", "run", str(manifest), "--results", str(results)]
    return subprocess.Popen(command, start_new_session=True, env={**os.environ, **environment})


def stop_after(run: subprocess.Popen[bytes], folder: Path, records: int, how: signal.Signals) -> None:
    """Send a signal once so many records are there.

    Raises:
        SystemExit: the run ended before.
    """
    while len(list(folder.glob("*[0-9a-f].json"))) < records:
        if run.poll() is not None:
            raise SystemExit(f"the run ended with {run.returncode} before it had {records} records")
        time.sleep(0.05)
    time.sleep(2)  # into the next cell
    os.killpg(run.pid, how)
    print(f"{how.name} after {records} records: exit code {run.wait()}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        manifest = Path(name) / "cut.yaml"
        manifest.write_text(MANIFEST, encoding="utf-8")
        stopped, alone = Path(name) / "stopped", Path(name) / "alone"
        (folder := stopped / "cut").mkdir(parents=True)
        stop_after(start(manifest, stopped), folder, 1, signal.SIGINT)
        before = read(folder)
        stop_after(start(manifest, stopped), folder, 3, signal.SIGKILL)
        if lost := [name for name, content in before.items() if read(folder).get(name) != content]:
            raise SystemExit(f"lost or changed: {', '.join(lost)}")
        for results, environment in ((stopped, {}), (alone, {"HF_HUB_OFFLINE": "1"})):
            if code := start(manifest, results, **environment).wait():
                raise SystemExit(f"the run ended with exit code {code}")
        one, other = read(alone / "cut"), read(folder)
        if len(one) != CELLS or (apart := difference(one, other)):
            raise SystemExit(f"{len(one)} records offline, {len(other)} of the interrupted run: {apart}")
    print(f"{CELLS} cells of three models, interrupted and killed, then offline: the same records to the bit")


if __name__ == "__main__":
    main()
