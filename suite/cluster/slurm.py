"""A study's tasks as one SLURM job array, through submitit."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from submitit.slurm.slurm import SlurmExecutor

from suite.cluster.profile import Profile
from suite.cluster.task import REQUEUE, Task
from suite.errors import InputError
from suite.interruption import WALL_TIME
from suite.paths import DATA, data_folders, hub_home

RUNTIME = "$(command -v apptainer || command -v singularity)"
AGAIN = [  # on the node and outside the image, where SLURM's commands are
    "code=$?",
    f'if [ "$code" = {REQUEUE} ]; then scontrol requeue "$SLURM_JOB_ID"; fi',
    'exit "$code"',
]


class _Executor(SlurmExecutor):
    """submitit's executor, which otherwise could write no script where no SLURM is."""

    @classmethod
    def affinity(cls) -> int:
        return 1


def script(name: str, profile: Profile, folder: Path, tasks: int) -> str:
    """The script that `submit` would hand to sbatch for so many tasks."""
    executor = _executor(name, profile, folder, tasks)
    if tasks > 1:
        executor.parameters["map_count"] = tasks
    return executor._make_submission_file_text(executor._submitit_command_str, "") + "\n"


def submit(name: str, profile: Profile, folder: Path, tasks: Sequence[Task]) -> list[str]:
    """Submit the tasks as one array; logs and scripts go to `folder/<job id>`.

    Returns:
        The job of each task, as `12_0` (of a single task: `12`).

    Raises:
        InputError: there is no SLURM here, or it refuses.
    """
    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise InputError(
            "SLURM's commands (sbatch, srun) are not here: submit from a login node, print the scripts with --dry-run, "
            "or use this machine's own GPUs with --local"
        )
    from submitit.core.utils import FailedJobError

    executor = _executor(name, profile, folder, len(tasks))
    try:
        with executor.batch():
            jobs = [executor.submit(task) for task in tasks]
    except FailedJobError as error:  # it ends with what sbatch said
        said = str(error).strip().splitlines()[-1]
        raise InputError(f"SLURM does not take it: {said.removeprefix('sbatch: error: ')}") from error
    return [job.job_id for job in jobs]


def _executor(name: str, profile: Profile, folder: Path, tasks: int) -> _Executor:
    executor = _Executor(folder / ("%A" if tasks > 1 else "%j"), python=_python(profile, folder))
    asked: dict[str, Any] = {
        "partition": profile.partition,
        "account": profile.account,
        "qos": profile.qos,
        "constraint": profile.constraint,
        "gres": profile.gres,
        "cpus_per_task": profile.cpus,
        "mem": f"{round(profile.memory * 1024)}M" if profile.memory else None,
    }
    minutes = profile.time or 60
    warning = max(15, min(120, minutes * 6))  # seconds, a tenth of the time, for the current experiment to end
    executor.update_parameters(
        job_name=f"lottery-{name}",
        wckey=None,
        time=minutes,
        setup=_setup(profile),
        teardown=AGAIN,
        additional_parameters={"requeue": True, "signal": f"{WALL_TIME.name.removeprefix('SIG')}@{warning}"},
        **{key: value for key, value in asked.items() if value is not None},
    )
    return executor


def _setup(profile: Profile) -> list[str]:
    lines = [f"module load {shlex.quote(module)}" for module in profile.modules]
    lines += [f"export {key}={shlex.quote(value)}" for key, value in environment(profile).items()]
    return [*lines, *profile.setup]


def environment(profile: Profile) -> dict[str, str]:
    """What tasks find in their environment beside what is there."""
    hub = {"HF_HOME": str(cache)} if (cache := hub_cache()) else {}
    data = {DATA: os.pathsep.join(map(str, folders))} if (folders := data_folders()) else {}
    return {**hub, **data, **profile.environment}


def hub_cache() -> Path | None:
    """The home of the hub's caches here, if it is there: the nodes look there and not in a home of their own."""
    cache = hub_home()
    return cache.absolute() if cache.is_dir() else None


def _python(profile: Profile, folder: Path) -> str:
    if profile.image is None:
        return shlex.quote(profile.python or sys.executable)
    return f"{RUNTIME} " + shlex.join(in_image(profile, folder))


def in_image(profile: Profile, folder: Path) -> list[str]:
    """The arguments of Apptainer that start the image's Python; it sees the results, the hub's cache, the folders of
    $LOTTERY_DATA that are here, and the binds."""
    assert profile.image is not None
    data = [str(one) for one in data_folders() if one.is_dir()]
    seen = [str(folder.parent.absolute()), *(str(cache) for cache in [hub_cache()] if cache), *data, *profile.binds]
    binds = [word for path in dict.fromkeys(seen) for word in ("--bind", path)]
    nv = ["--nv"] if profile.gpus else []
    return ["run", *nv, *binds, str(Path(profile.image).absolute()), "python"]
