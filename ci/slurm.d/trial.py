#!/usr/bin/env python3
"""trial.py DIR: everything that needs SLURM, which is up. What does not hold ends it, with exit code 1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from cluster import accounts, at_work, ends, slurm
from equal import equal
from faults import SMALL, Faults
from lottery import PATIENCE, Study, UnmetError, check, lottery, status, step, submit, until

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


def preempted(job: int, folder: Path) -> None:
    """SLURM takes a task's node away and puts it back into the queue, as for a job that goes before it."""
    task = f"{job}_0"
    at_work(task, folder)
    slurm("scontrol", "requeue", task)
    study = until(folder, lambda study: study.task(task) in ("PENDING", "REQUEUED"), f"{task} in the queue again")
    check(not study.counts["failed"] + study.counts["lost"], f"preempted: {study}")
    step(f"preempted: task {task} is in the queue again: {study}")


def twice(manifest: Path, results: Path, profile: Path) -> None:
    """An array and two `lottery run` at the same cells at once: each is there once, and whole."""
    folder = results / manifest.stem
    (job,) = submit([manifest], results, "--profile", profile, "--partition", "cpu", "--tasks", 2)
    command = [sys.executable, "-m", "suite", "run", str(manifest), "--results", str(results)]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    check([run.wait() for run in runs] == [0, 0], "lottery run beside the array")
    watched = subprocess.run(
        [*command[:3], "status", "--watch", str(folder)], capture_output=True, text=True, timeout=PATIENCE
    )
    study = status(folder)
    check(study.only(done=SMALL), f"at once: {study}")
    check(watched.returncode == 0 and f"{SMALL} done" in watched.stdout, f"status --watch: {watched}")
    check(all(states == ["COMPLETED"] for states in ends(job).values()), f"{accounts(job, 'State')}")
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    check(not left, f"left behind: {left}")
    step(f"at once: job {job} and two `lottery run` at the same cells: {study}, no other file")


def array(job: int, results: Path) -> None:
    """Wait for the embedded study; both nodes must have worked, and its numbers be those that ship."""
    told = 0.0

    def settled(study: Study) -> bool:
        nonlocal told
        check(not study.counts["failed"] + study.counts["lost"], f"embedded: {study}: {study.cells}")
        share = study.counts["done"] / sum(study.counts.values())
        if share >= told + 0.25:
            told = share
            step(f"embedded: {study}")
        return study.settled

    folder = results / "embedded"
    study = until(folder, settled, "settled", pause=10)
    check(study.only(done=study.counts["done"]), f"embedded: {study}")
    nodes, states = accounts(job, "NodeList"), ends(job)
    check(set().union(*nodes.values()) == {"node1", "node2"}, f"nodes: {nodes}")
    check(states.pop(f"{job}_0") == ["REQUEUED", "COMPLETED"], f"{accounts(job, 'State')}")
    check(all(one == ["COMPLETED"] for one in states.values()), f"{states}")
    places = ", ".join(f"{task} on {' and '.join(on)}" for task, on in sorted(nodes.items()))
    step(f"embedded: {study}; {places}")
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
    preempted(job, results / "embedded")

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
    said = [line for line in lottery("status", results).splitlines() if line.endswith(" done")]
    check(len(said) == len(names) + 2, f"lottery status: {said}")
    step(f"lottery status: {'; '.join(said)}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except UnmetError as failure:
        sys.exit(f"ci/slurm: FAILED: {failure}")
