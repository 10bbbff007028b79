#!/usr/bin/env python3
"""without.py DIR: what must work on a machine without SLURM, whose commands are hidden here: a dry run, which writes
nothing, and `--local`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import yaml
from faults import SMALL
from lottery import UnmetError, check, lottery, step, until
from trial import EMBEDDED, place

TOOLS = ("sbatch", "srun", "squeue", "sacct", "scontrol", "scancel", "sinfo", "sacctmgr", "salloc", "sattach")
PROFILE = {
    "partition": "dgx",
    "account": "students",
    "qos": "long",
    "gres": "gpu:v100:1",
    "constraint": "volta",
    "time": 90,
    "memory": 24,
    "cpus": 8,
    "tasks": 3,
    "modules": ["singularity"],
    "setup": ["echo ready"],
    "environment": {"OMP_NUM_THREADS": "7"},
}
WRITTEN = (  # what of it a script must say
    "--partition=dgx",
    "--account=students",
    "--qos=short",  # the command line's
    "--gres=gpu:v100:1",
    "--constraint=volta",
    "--time=90",
    "--mem=24576M",
    "--cpus-per-task=8",
    "--array=0-2",
    "module load singularity",
    "echo ready",
    "OMP_NUM_THREADS=7",
)


def hidden(folder: Path) -> dict[str, str]:
    """The environment without SLURM: its PATH is a folder with links to all commands but SLURM's."""
    folder.mkdir()
    for folder_of_tools in os.environ["PATH"].split(":"):
        for tool in Path(folder_of_tools).glob("*"):
            if tool.name not in TOOLS and not (folder / tool.name).exists():
                (folder / tool.name).symlink_to(tool)
    environ = {**os.environ, "PATH": str(folder)}
    environ.pop("SLURM_CONF", None)
    check(shutil.which("sbatch", path=environ["PATH"]) is None, "sbatch is still there")
    return environ


def main(work: Path) -> None:
    environ, results, profile = hidden(work / "bin"), work / "local", work / "full.yaml"
    profile.write_text(yaml.safe_dump(PROFILE), encoding="utf-8")
    options = ("--results", results, "--profile", profile, "--qos", "short")
    said = lottery("submit", EMBEDDED, *options, "--dry-run", environ=environ)
    lacking = [words for words in WRITTEN if words not in said]
    check(not lacking, f"not in the script: {lacking}\n{said}")
    check(not results.exists(), "a dry run wrote results")
    step(f"dry run without SLURM: a script of {len(said.splitlines())} lines says all {len(WRITTEN)} settings")

    said = lottery("submit", EMBEDDED, "--results", results, code=2, environ=environ)
    manifest = place(work, "local")
    lottery("submit", manifest, "--results", results, "--local", "--tasks", 2, environ=environ)
    study = until(results / "local", lambda study: study.settled, "settled")
    check(study.only(done=SMALL), f"--local: {study}")
    step(f"--local without SLURM: two tasks, {study}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except UnmetError as failure:
        sys.exit(f"ci/slurm: FAILED: {failure}")
