"""Is anything lost when a run is killed? See ci/kills."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from study import write_study
from whole import difference, hidden, read

WRITING = "writing a record"
WORK = 2.5  # seconds of measuring that a run is given at most, so that many kills fall into one study
WRITE = 0.01  # seconds that it takes to write a record, about


@dataclass
class Trial:
    """A study run again and again and killed each time, and what became of its records."""

    manifest: Path
    lone: dict[str, bytes]  # the records of a run that nothing befell
    loading: float  # seconds until the first of them
    kills: int
    chance: random.Random
    fell: Counter[str] = field(default_factory=Counter)  # the kills, by what they fell into
    looked: int = 0  # at a record seen before, to find it as it was
    left: int = 0  # temporary files left behind by runs that were killed

    def study(self, results: Path) -> None:
        """Run the study until it is complete, and kill the run while there are kills left.

        Raises:
            SystemExit: a record was lost, changed, or is not whole.
        """
        folder = results / self.manifest.stem
        folder.mkdir(parents=True)
        seen: dict[str, bytes] = {}
        code = -signal.SIGKILL
        while code == -signal.SIGKILL:
            started = time.time()
            run = start(self.manifest, results)
            if self.fell.total() < self.kills:
                self._wait(run, folder)
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL)
            code = run.wait()
            seen = self._look(folder, seen)
            if code == -signal.SIGKILL:
                fresh = {name for name in hidden(folder) if (folder / name).stat().st_mtime > started}
                self.fell[moment(fresh)] += 1
                self.left += sum(map(is_temporary, fresh))
        if code:
            raise SystemExit(f"a run ended with exit code {code}")
        if apart := difference(self.lone, seen):
            raise SystemExit(f"after the last of them: {apart}")

    def _wait(self, run: subprocess.Popen[bytes], folder: Path) -> None:
        """Wait for a moment to kill: while a record is written, until a third of the kills fell there; else any."""
        if self.fell[WRITING] * 3 > self.fell.total():
            time.sleep(self.chance.uniform(0, self.loading + WORK))
            return
        nth, seen, known = self.chance.randint(1, 3), writes(folder), set[str]()
        while nth and run.poll() is None:
            fresh = writes(folder) - seen
            begun = {name.lstrip(".")[:12] for name in fresh} - known  # a record follows its temporary file
            seen, known, nth = seen | fresh, known | begun, nth - bool(begun)
        time.sleep(self.chance.choice((0, self.chance.uniform(0, WRITE))))

    def _look(self, folder: Path, seen: dict[str, bytes]) -> dict[str, bytes]:
        """What is there now, all of it whole, and all that was seen before among it as it was."""
        try:
            there = read(folder)
        except ValueError as error:
            raise SystemExit(str(error)) from error
        for name, content in seen.items():
            if there.get(name) != content:
                raise SystemExit(f"{name} was {'changed' if name in there else 'lost'}")
        self.looked += len(seen)
        return there


def start(manifest: Path, results: Path) -> subprocess.Popen[bytes]:
    """A run in a process group of its own; it says nothing unless something goes wrong."""
    command = [sys.executable, "-m", "suite", "run", str(manifest), "--results", str(results)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # the other core watches it
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True, env=environment)


def writes(folder: Path) -> set[str]:
    """The files that a record being written makes: a temporary one, and the record's own."""
    return {name for name in os.listdir(folder) if is_temporary(name) or not name.startswith(".")}  # noqa: PTH208


def is_temporary(name: str) -> bool:
    """Whether a record is written to this file; a study's plan and the try whether one can write are not counted."""
    return name.endswith(".tmp") and name.find("-") == len(".0123456789ab")


def moment(fresh: set[str]) -> str:
    """What a run was at when it was killed, from the hidden files it left."""
    if any(map(is_temporary, fresh)):
        return WRITING
    return "measuring" if any(name.endswith(".running") for name in fresh) else "starting"


def undisturbed(manifest: Path, results: Path) -> tuple[dict[str, bytes], float]:
    """The records of a run that nothing befalls, and the seconds until the first of them."""
    clock, folder = time.monotonic(), results / manifest.stem
    run = start(manifest, results)
    while run.poll() is None and not any(path.name != "plan.json" for path in folder.glob("*.json")):
        time.sleep(0.01)
    loading = time.monotonic() - clock
    if run.wait():
        raise SystemExit("the undisturbed run failed")
    return read(folder), loading


def main() -> None:
    parser = argparse.ArgumentParser(prog="ci/kills")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    clock = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        manifest = write_study(Path(name))
        lone, loading = undisturbed(manifest, Path(name) / "lone")
        trial = Trial(manifest, lone, loading, asked.kills, random.Random(asked.seed))
        studies = 0
        while trial.fell.total() < asked.kills or not studies:
            studies += 1
            trial.study(Path(name) / str(studies))
    if not trial.fell[WRITING]:
        raise SystemExit("no kill fell into the writing of a record: nothing was tried")
    fell = ", ".join(f"{count} {what}" for what, count in trial.fell.most_common())
    print(f"{asked.kills} kills ({fell}) in {time.monotonic() - clock:.0f} s; {trial.left} temporary files left behind")
    print(f"{trial.looked} looks at records that were there before: 0 lost, 0 changed, and none less than whole")
    print(f"{studies} times {len(lone)} experiments completed, each equal to those of the undisturbed run to the bit")


if __name__ == "__main__":
    main()
