"""What this machine is seen to be: GPUs through NVML, and why none is seen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from suite import machine as module
from suite.machine import Gpu, Machine, this_machine
from suite.runtime import Runtime, missing_gpu, runtime

DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version: 12\n"
OPEN_DRIVER = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@b)\n"


class NvmlError(Exception):
    pass


class Nvml:
    """NVML of a machine with some GPUs, or one that says why it has none."""

    NVMLError = NvmlError

    def __init__(self, gpus: tuple[Gpu, ...] = (), error: str | None = None) -> None:
        self.gpus, self.error = gpus, error

    def nvmlInit(self) -> None:  # noqa: N802
        if self.error:
            raise NvmlError(self.error)

    def __getattr__(self, name: str) -> object:
        return {
            "nvmlShutdown": lambda: None,
            "nvmlSystemGetDriverVersion": lambda: "550.54.15",
            "nvmlDeviceGetCount": lambda: len(self.gpus),
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetName": lambda index: self.gpus[index].name,
            "nvmlDeviceGetMemoryInfo": lambda index: SimpleNamespace(total=self.gpus[index].memory),
            "nvmlDeviceGetCudaComputeCapability": lambda index: self.gpus[index].capability,
            "nvmlDeviceGetUUID": lambda index: f"GPU-{index}{index}",
        }[name]


V100, H100 = Gpu("Tesla V100", 32 * 10**9, (7, 0)), Gpu("H100", 80 * 10**9, (9, 0))


def look(monkeypatch: pytest.MonkeyPatch, nvml: Nvml, visible: str | None = None) -> Machine:
    monkeypatch.setattr(module, "pynvml", nvml)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    this_machine.cache_clear()
    try:
        return this_machine()
    finally:
        this_machine.cache_clear()


@pytest.mark.parametrize(
    ("visible", "seen", "hidden"),
    [
        (None, (V100, H100), 0),
        ("1", (H100,), 1),
        ("1,0", (H100, V100), 0),
        ("GPU-00", (V100,), 1),
        ("", (), 2),
        ("-1", (), 2),
    ],
)
def test_gpus_hidden_from_the_process_do_not_count_but_are_known(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, seen: tuple[Gpu, ...], hidden: int
) -> None:
    machine = look(monkeypatch, Nvml((V100, H100)), visible)
    assert (machine.gpus, machine.hidden, machine.driver) == (seen, hidden, "550.54.15")


def test_a_silent_nvml_is_remembered_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = look(monkeypatch, Nvml(error="Driver/library version mismatch"))
    assert (machine.gpus, machine.driver, machine.trouble) == ((), None, "Driver/library version mismatch")


def test_containers_and_the_host_s_driver_are_known_by_their_marks(tmp_path: Path) -> None:
    assert runtime(tmp_path, {}) == Runtime()
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"):
        assert runtime(tmp_path, {name: "/data/lottery.sif"}).container == "Apptainer"
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    assert runtime(tmp_path, {}).driver == ""
    (tmp_path / "proc" / "driver" / "nvidia").mkdir(parents=True)
    for text, version in ((DRIVER, "535.129.03"), (OPEN_DRIVER, "580.65.06"), ("?", "")):
        (tmp_path / "proc" / "driver" / "nvidia" / "version").write_text(text)
        assert runtime(tmp_path, {}).driver == version
    (tmp_path / ".dockerenv").touch()
    found = runtime(tmp_path, {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"})
    assert (found.container, found.slurm, found.visible_devices) == ("Docker", True, "0")


BARE = Machine("a processor", 2, 8 * 10**9, trouble="NVML Shared Library Not Found")


@pytest.mark.parametrize(
    ("machine", "around", "why", "cure"),
    [
        (BARE, Runtime("Apptainer", "535.1"), "this container does not see it", "add --nv (Apptainer)"),
        (BARE, Runtime("Docker", ""), "this container does not see it", "add --gpus all (Docker)"),
        (BARE, Runtime("Docker"), "shows none by itself", "if the machine has one, add --gpus all (Docker)"),
        (
            BARE,
            Runtime(None, "535.1"),
            "driver 535.1 is loaded, and NVML says: NVML Shared",
            "see what nvidia-smi",
        ),
        (
            Machine("p", 2, 8, (), "550.54"),
            Runtime("Apptainer", "550.54", slurm=True),
            "no GPU is given",
            "--gres",
        ),
        (Machine("p", 2, 8, (), "550.54", 2), Runtime(visible_devices="-1"), "=-1 hides 2 GPUs", "unset it"),
        (Machine("p", 2, 8, (), "550.54", 1), Runtime(visible_devices="", slurm=True), "hides the GPU", "--gres"),
    ],
)
def test_a_gpu_that_is_not_seen_has_a_reason_and_a_cure(machine: Machine, around: Runtime, why: str, cure: str) -> None:
    found = missing_gpu(machine, around)
    assert found and why in found.why and cure in found.cure
    assert found.certain == (around != Runtime("Docker"))


def test_nothing_is_said_where_a_gpu_is_seen_or_nothing_hints_at_one() -> None:
    assert missing_gpu(BARE, Runtime()) is None
    assert missing_gpu(Machine("p", 2, 8, (H100,), "550.54"), Runtime("Apptainer", "550.54")) is None
