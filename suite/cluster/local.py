"""A study's tasks as processes of this machine, one for each GPU, through submitit; they outlive the command."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from submitit import LocalExecutor
from submitit.core.utils import environment_variables

from suite.cluster.profile import Profile
from suite.cluster.slurm import environment, in_image
from suite.cluster.task import Task
from suite.errors import InputError
from suite.machine import this_machine

FOREVER = 365 * 24 * 60  # minutes; submitit wants a limit


def gpus() -> list[int]:
    """The numbers of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return list(range(len(this_machine().gpus)))
    return [int(key) for key in visible.split(",") if key.strip().isdecimal()][: len(this_machine().gpus)]


def submit(profile: Profile, folder: Path, tasks: Sequence[Task]) -> tuple[Path, list[str]]:
    """Start the tasks: task k on GPU k, in turn where there are more tasks; on processors they share the cores.

    Returns:
        The folder of logs, and the job of each task: the process that watches over it.

    Raises:
        InputError: the folder cannot be written, or an image is asked for and Apptainer is not here.
    """
    found = gpus()
    python = None if profile.python is None else shlex.quote(profile.python)
    if profile.image is not None:
        runtime = shutil.which("apptainer") or shutil.which("singularity")
        if runtime is None:
            raise InputError("an image needs apptainer or singularity, and neither is here; leave --image out")
        python = shlex.join([runtime, *in_image(profile, folder)])
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="local-", dir=folder))
    place.chmod(0o755)
    threads = max(1, this_machine().cores // len(tasks))
    jobs = []
    with environment_variables(**{"OMP_NUM_THREADS": threads, **os.environ, **environment(profile)}):
        for number, task in enumerate(tasks):
            executor = LocalExecutor(place, python=python)
            own = [found[number % len(found)]] if found else []
            executor.update_parameters(timeout_min=FOREVER, gpus_per_node=len(own), visible_gpus=own)
            jobs.append(executor.submit(task))
    return place, [job.job_id for job in jobs]
