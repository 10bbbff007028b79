"""Thousands of files that nobody meant to write: each is accepted or refused in one sentence, and nothing else happens.

python -m tests.foreign.fuzz [--manifests 20000] [--records 20000] [--gguf 20000] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import constants

from tests.foreign import ggufs, manifests, records
from tests.foreign.guard import Forbidden, Hang, guarded

SLOW = 60.0  # seconds that a poster may take
NAMES = ("study.yaml",) * 30 + ("\u00e9tude 2.yaml", "a.b.yaml", "{{ x }}.yaml", "-x.yaml", "...yaml")


@dataclass
class Tally:
    """How many files became what, and the first of each fault."""

    what: str
    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    kept: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        found = f"{sum(self.faults.values())} faults" if self.faults else "0 tracebacks"
        total = self.accepted + self.refused + sum(self.faults.values())
        return (
            f"{total:,} {self.what}: {self.accepted:,} accepted, {self.refused:,} refused, {found}, "
            f"slowest {self.slowest:.2f} s"
        )


@contextmanager
def offline(cache: Path) -> Iterator[None]:
    """No network, and an empty cache."""
    before = constants.HF_HUB_OFFLINE, constants.HF_HUB_CACHE
    constants.HF_HUB_OFFLINE, constants.HF_HUB_CACHE = True, str(cache)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, constants.HF_HUB_CACHE = before


def fuzz_manifests(
    count: int, seed: int, folder: Path, handle: Callable[[Path, Path], bool] = manifests.handle
) -> Tally:
    """So many manifests, each in its turn written to the folder and handled; its results go to `results` there."""
    tally = Tally("manifests")
    manifests.furnish(folder)
    warm = folder / "warm.yaml"
    warm.write_text(manifests.seeds()[0], encoding="utf-8")
    handle(warm, folder / "results")  # everything is imported, and the machine measured, before it is watched
    with offline(folder / "cache"):
        for index in range(count):
            rng = random.Random(f"{seed} manifest {index}")
            path = folder / rng.choice(NAMES)
            path.write_bytes(manifests.foreign(rng))
            with _noted(tally, path, f"{seed}-{index}"), guarded(folder / "results"):
                accepted = handle(path, folder / "results")
                tally.accepted += accepted
                tally.refused += not accepted
            path.unlink()
            shutil.rmtree(folder / "results", ignore_errors=True)
            (folder / "results").mkdir()
    return tally


def fuzz_records(
    count: int, seed: int, folder: Path, handle: Callable[[Path, random.Random], int] = records.handle
) -> Tally:
    """So many records that were changed, in sets among some that were not, each set a study of its own."""
    tally = Tally("records")
    records.furnish(folder / "warm", random.Random(0))
    handle(folder / "warm", random.Random(0))
    changed = 0
    while changed < count:
        rng = random.Random(f"{seed} records {changed}")
        path = folder / "set"
        there = records.furnish(path, rng)
        with _noted(tally, path, f"{seed}-{changed}"), guarded(folder / "nowhere", SLOW):
            believed = handle(path, rng)
            tally.accepted += max(believed - (len(list((path / "theirs").iterdir())) - there), 0)
        changed += there
        shutil.rmtree(path)
    tally.refused = changed - tally.accepted
    return tally


def fuzz_ggufs(count: int, seed: int, folder: Path, handle: Callable[[Path, Path], bool] = ggufs.handle) -> Tally:
    """So many GGUF files whose headers were changed."""
    tally = Tally("GGUF files")
    files = ggufs.furnish(folder)
    handle(folder / "llama.gguf", folder / "out")  # everything is imported
    shutil.rmtree(folder / "out")
    for index in range(count):
        path = folder / "foreign.gguf"
        path.write_bytes(ggufs.foreign(random.Random(f"{seed} gguf {index}"), files))
        with _noted(tally, path, f"{seed}-{index}"), ggufs.bounded(), guarded(folder / "out"):
            accepted = handle(path, folder / "out")
            tally.accepted += accepted
            tally.refused += not accepted
        shutil.rmtree(folder / "out", ignore_errors=True)
    return tally


@contextmanager
def _noted(tally: Tally, path: Path, name: str) -> Iterator[None]:
    """Time what happens inside; of a fault, keep what was given and the traceback."""
    started = time.process_time()
    try:
        yield
    except (Exception, Hang, Forbidden) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:150]!r}"
        if fault not in tally.faults:
            kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-")) / path.name
            (shutil.copytree if path.is_dir() else shutil.copy)(path, kept)
            (kept.parent / "traceback.txt").write_text(traceback.format_exc(), errors="backslashreplace")
            tally.kept.append(kept)
        tally.faults[fault] += 1
    tally.slowest = max(tally.slowest, time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(prog="ci/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--manifests", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--gguf", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    faulty = False
    fuzzes = {fuzz_manifests: arguments.manifests, fuzz_records: arguments.records, fuzz_ggufs: arguments.gguf}
    for fuzz, count in fuzzes.items():
        if not count:
            continue
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            tally = fuzz(count, arguments.seed, Path(folder))
        print(tally, flush=True)
        for fault, times in tally.faults.most_common(20):
            print(f"  {times} times {fault}", file=sys.stderr)
        for kept in tally.kept[:20]:
            print(f"  kept: {kept}, with its traceback beside it", file=sys.stderr)
        faulty |= bool(tally.faults)
    sys.exit(faulty)


if __name__ == "__main__":
    main()
