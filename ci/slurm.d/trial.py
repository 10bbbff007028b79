#!/usr/bin/env python3
"""trial.py DIR: everything that needs SLURM, which is up. What does not hold ends it, with exit code 1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from cluster import accounts
from equal import equal
from faults import SMALL, Faults
from lottery import Study, UnmetError, check, lottery, status, step, submit, until

from suite.models.catalogue import embedded
from suite.paths import ROOT

EMBEDDED = ROOT / "manifests" / "embedded.yaml"
REFERENCE = ROOT / "manifests" / "reference" / "embedded"
PROFILE = {"partition": "gpu", "memory": 1, "cpus": 1, "time": 30, "environment": {"OMP_NUM_THREADS": "1"}}


def place(work: Path, name: str) -> Path:
    """small.yaml under this name, and its model beside it."""
    folder = work / name
    shutil.copytree(embedded()["story-mistral-small"], folder / "model")
    return Path(shutil.copy(Path(__file__).parent / "small.yaml", folder / f"{name}.yaml"))


def twice(manifest: Path, results: Path, profile: Path) -> None:
    """An array and two `lottery run` at the same cells at once: each is there once, and whole."""
    folder = results / manifest.stem
    (job,) = submit([manifest], results, "--profile", profile, "--partition", "cpu", "--tasks", 2)
    command = [sys.executable, "-m", "suite", "run", str(manifest), "--results", str(results)]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    check([run.wait() for run in runs] == [0, 0], "lottery run beside the array")
    study = until(folder, lambda study: study.settled, "settled")
    check(study.only(done=SMALL), f"at once: {study}")
    check(all(states == ["COMPLETED"] for states in accounts(job, "State").values()), f"{accounts(job, 'State')}")
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    check(not left, f"left behind: {left}")
    step(f"at once: job {job} and two `lottery run` at the same cells: {study}, no other file")


def array(job: int, results: Path) -> None:
    """Wait for the embedded study; both nodes must have worked, and its numbers be those that ship."""
    told = 0.0

    def settled(study: Study) -> bool:
        nonlocal told
        share = study.counts["done"] / sum(study.counts.values())
        if share >= told + 0.25:
            told = share
            step(f"embedded: {study}")
        return study.settled

    folder = results / "embedded"
    study = until(folder, settled, "settled")
    check(study.only(done=study.counts["done"]), f"embedded: {study}")
    nodes = set().union(*accounts(job, "NodeList").values())
    check(nodes == {"node1", "node2"}, f"nodes: {nodes}")
    step(f"embedded: {study}; tasks on nodes: {accounts(job, 'NodeList')}")
    sentence = lottery("compare", folder, REFERENCE).splitlines()[-1]
    check("405 of 405 cells reproduce" in sentence, sentence)
    step(f"lottery compare: {sentence}")
    beside = ROOT / "results" / "embedded"
    if beside.exists():
        step(f"lottery run: {equal(folder, beside, whole=True)} cells, the same masks and losses, to the last bit")


def main(work: Path) -> None:
    results, profile = work / "results", work / "profile.yaml"
    profile.write_text(yaml.safe_dump(PROFILE), encoding="utf-8")
    (job,) = submit([EMBEDDED], results, "--profile", profile, "--gres", "gpu:1", "--tasks", 4)
    step(f"embedded: job {job}: {status(results / 'embedded')}")

    names = ["raises", "killed", "cancelled", "limit"]
    faults = Faults({name: place(work, name) for name in names}, results, profile)
    faults.begin()
    faults.killed()
    faults.cancelled()
    faults.raises()
    faults.again()
    faults.limit()
    twice(place(work, "twice"), results, profile)
    array(job, results)

    folders = [*(results / name for name in (*names, "twice")), work / "local" / "local"]
    cells = sum(equal(folder, results / "embedded") for folder in folders)
    step(f"{', '.join(folder.name for folder in folders)}: {cells} cells as in the embedded study, to the last bit")
    said = lottery("status", results)
    step("lottery status:\n" + said)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except UnmetError as failure:
        sys.exit(f"ci/slurm: FAILED: {failure}")
