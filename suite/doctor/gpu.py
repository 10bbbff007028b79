"""GPU, driver, and whether this build of torch has code for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from suite.doctor.finding import Finding, fail, ok, warn
from suite.machine import Machine
from suite.runtime import Runtime, missing_gpu

MINIMUM_DRIVER = {12: 525, 13: 580}  # of a major version of CUDA, whose minor versions all run on it
LAST_FOR_OLD = "torch 2.10.0 is the last whose wheels on the package index run on a V100"


@dataclass(frozen=True, slots=True)
class Torch:
    """A build of torch: its CUDA (None: for processors), the architectures it has code for, the GPUs it can use."""

    version: str
    cuda: str | None = None
    architectures: tuple[str, ...] = ()
    devices: int = 0


def this_torch() -> Torch:
    """The installed torch; imports it, which takes a second or two."""
    import torch

    cuda = torch.version.cuda
    return Torch(torch.__version__, cuda, tuple(torch.cuda.get_arch_list()), torch.cuda.device_count())


def gpu(machine: Machine, around: Runtime, *, wanted: bool) -> Finding:
    """`wanted`: a study has models that are slow without a GPU."""
    if machine.gpus:
        each = [
            f"{gpu.name}, {gpu.memory / 1e9:.1f} GB, compute capability {gpu.capability[0]}.{gpu.capability[1]}"
            for gpu in machine.gpus
        ]
        return ok("GPU", "; ".join(f"{each.count(one)}x {one}" for one in dict.fromkeys(each)))
    if reason := missing_gpu(machine, around):
        found = f"none is visible: {reason.why}"
        if reason.certain:
            return fail("GPU", found, reason.cure)
        return warn("GPU", found, reason.cure) if wanted else ok("GPU", f"{found}; {reason.cure}")
    if wanted:
        return warn("GPU", f"none; {machine.hardware} will do the work", "take a machine with one, or much time")
    return ok("GPU", f"none; {machine.hardware} will do the work")


def driver(machine: Machine, torch: Torch) -> Iterator[Finding]:
    """The driver against torch's CUDA; nothing where there is no GPU."""
    if not machine.gpus:
        return
    if torch.cuda is None:
        yield fail("driver", f"{machine.driver}, and torch {torch.version} has no CUDA", "make setup TORCH=cuda")
        return
    least = MINIMUM_DRIVER.get(int(torch.cuda.partition(".")[0]))
    found = f"{machine.driver}; torch {torch.version} brings CUDA {torch.cuda}"
    major = re.match(r"\d+", machine.driver or "")
    if least and major and int(major.group()) < least:
        old = f"{found}, which needs {least} or newer"
        yield fail("driver", old, f"update the driver to {least} or newer, or take a torch with an older CUDA")
    elif torch.devices == 0:
        cure = "run `python -c 'import torch; torch.cuda.init()'` for its reason"
        yield fail("driver", f"{found}, and torch can use no GPU", cure)
    else:
        yield ok("driver", f"{found}, which needs {least or 'an unknown version'} or newer")


def architecture(machine: Machine, torch: Torch) -> Iterator[Finding]:
    """Each kind of GPU against the architectures torch was built for; nothing where either has none."""
    if torch.cuda is None:
        return
    for capability in dict.fromkeys(gpu.capability for gpu in machine.gpus):
        names, has = f"sm_{capability[0]}{capability[1]}", " ".join(torch.architectures)
        if any(_runs(one, capability) for one in torch.architectures):
            yield ok("architecture", f"{names}; torch {torch.version} has {has}")
        else:
            yield fail(
                "architecture",
                f"{names}, and torch {torch.version} has only {has}",
                f"install a torch that has it: {LAST_FOR_OLD}"
                if capability == (7, 0)
                else "install a torch whose torch.cuda.get_arch_list() has it",
            )


def _runs(architecture: str, capability: tuple[int, int]) -> bool:
    """Whether code for an architecture runs on a GPU: machine code within a major version, PTX on all that is newer."""
    found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", architecture)
    if not found:
        return False
    kind, built, only = found[1], (int(found[2]), int(found[3])), found[4]
    if only == "a":
        return built == capability
    if kind == "compute" and not only:
        return built <= capability
    return built[0] == capability[0] and built <= capability
