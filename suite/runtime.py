"""What is around this process when it sees no GPU: a container that keeps it out, a driver without its library."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from suite.machine import Machine

GIVE_GPU = {"Apptainer": "--nv", "Docker": "--gpus all"}


@dataclass(frozen=True, slots=True)
class Runtime:
    """`container`: Apptainer, Docker or None. `driver`: the version of NVIDIA's driver in the kernel, `""` where only
    its devices show, None where there is no sign of it; both are the host's in a container too."""

    container: str | None = None
    driver: str | None = None
    visible_devices: str | None = None
    slurm: bool = False


@dataclass(frozen=True, slots=True)
class MissingGpu:
    """Why no GPU is seen, and the cure. `certain`: there is one."""

    why: str
    cure: str
    certain: bool = True


def runtime(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> Runtime:
    """Look around, by the marks that container runtimes and the driver leave."""
    container = None
    if environ.get("APPTAINER_CONTAINER") or environ.get("SINGULARITY_CONTAINER"):
        container = "Apptainer"
    elif (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        container = "Docker"
    return Runtime(container, _driver(root), environ.get("CUDA_VISIBLE_DEVICES"), slurm="SLURM_JOB_ID" in environ)


def missing_gpu(machine: Machine, around: Runtime) -> MissingGpu | None:
    """Why the machine shows no GPU; None where it shows one, or nothing says that there is one."""
    if machine.gpus:
        return None
    ask = "ask SLURM for one (--gres=gpu:1)" if around.slurm else "ask whoever gives out GPUs here for one"
    if machine.hidden:
        hidden = "the GPU" if machine.hidden == 1 else f"{machine.hidden} GPUs"
        cure = ask if around.slurm and not around.visible_devices else "unset it, or name one: CUDA_VISIBLE_DEVICES=0"
        return MissingGpu(f"CUDA_VISIBLE_DEVICES={around.visible_devices or ''} hides {hidden} of this machine", cure)
    if machine.driver is not None:
        return MissingGpu(f"NVIDIA's driver {machine.driver} is here, and no GPU is given to this process", ask)
    if around.container:
        give = f"add {GIVE_GPU[around.container]} ({around.container})"
        if around.driver is None:
            return MissingGpu(
                f"a container ({around.container}) shows none by itself",
                f"if the machine has one, {give}",
                certain=False,
            )
        return MissingGpu(f"the host has NVIDIA's driver{_version(around)}, and this container does not see it", give)
    if around.driver is not None:
        return MissingGpu(
            f"NVIDIA's driver{_version(around)} is loaded, and NVML says: {machine.trouble or 'no GPU'}",
            "see what nvidia-smi says; after an update of the driver the machine has to be restarted",
        )
    return None


def _version(around: Runtime) -> str:
    return f" {around.driver}" if around.driver else ""


def _driver(root: Path) -> str | None:
    try:
        text = (root / "proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "" if (root / "dev/nvidiactl").exists() else None
    found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", text)
    return found.group() if found else ""
