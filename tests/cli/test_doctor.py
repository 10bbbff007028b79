"""`lottery doctor`: one line a finding, a cure for what is not well, and an exit code that says whether all can run."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suite.doctor import Finding, about, disk, fit, gpu
from suite.doctor.disk import Stock
from suite.doctor.gpu import Torch
from suite.machine import Gpu, Machine
from suite.manifest import read_study
from suite.paths import MANIFESTS
from suite.room import Room
from suite.runtime import Runtime

run_module = importlib.import_module("suite.cli.run")  # not the command of that name
ROOM = 64 * 10**9
CPU = Machine("a processor", 8, ROOM)
H100 = Machine("a processor", 8, ROOM, (Gpu("NVIDIA H100", 80 * 10**9, (9, 0)),), "580.65.06")
V100 = Machine("a processor", 8, ROOM, (Gpu("Tesla V100", 32 * 10**9, (7, 0)),) * 2, "535.129.03")
T4 = Machine("a processor", 8, ROOM, (Gpu("Tesla T4", 15 * 10**9, (7, 5)),), "535.129.03")
CUDA12 = Torch("2.10.0", "12.8", ("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"), 1)
CUDA13 = Torch("2.13.0+cu130", "13.0", ("sm_75", "sm_80", "sm_90", "sm_90a", "compute_90"), 1)
NO_CUDA = Torch("2.13.0+cpu")
PHASE1 = Path("manifests/phase1.yaml")


def only(findings: Iterator[Finding] | list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def expect(finding: Finding, state: str, found: str, cure: str = "") -> None:
    assert finding.state == state and found in finding.found, finding
    assert (finding.cure is None) == (state == "ok") and cure in (finding.cure or ""), finding
    assert "\n" not in finding.found + (finding.cure or "")


def test_the_gpu_is_named_or_why_there_is_none() -> None:
    expect(gpu.gpu(H100, Runtime(), wanted=True), "ok", "1x NVIDIA H100, 80.0 GB, compute capability 9.0")
    expect(gpu.gpu(V100, Runtime(), wanted=True), "ok", "2x Tesla V100, 32.0 GB, compute capability 7.0")
    expect(gpu.gpu(CPU, Runtime(), wanted=False), "ok", "none; a processor, 8 cores will do the work")
    expect(gpu.gpu(CPU, Runtime(), wanted=True), "warn", "none; a processor", "take a machine with one")
    forgotten = gpu.gpu(CPU, Runtime("Apptainer", "535.129.03"), wanted=False)
    expect(forgotten, "fail", "none is visible: the host has NVIDIA's driver 535.129.03", "add --nv (Apptainer)")
    perhaps = Runtime("Docker")
    expect(gpu.gpu(CPU, perhaps, wanted=True), "warn", "none is visible", "if the machine has one, add --gpus all")
    expect(gpu.gpu(CPU, perhaps, wanted=False), "ok", "if the machine has one, add --gpus all (Docker)")


def test_the_driver_is_held_against_torch_s_cuda() -> None:
    expect(only(gpu.driver(V100, CUDA12)), "ok", "535.129.03; torch 2.10.0 brings CUDA 12.8, which needs 525 or newer")
    expect(only(gpu.driver(V100, CUDA13)), "fail", "which needs 580 or newer", "update the driver to 580 or newer")
    expect(only(gpu.driver(H100, CUDA13)), "ok", "which needs 580 or newer")
    expect(only(gpu.driver(H100, NO_CUDA)), "fail", "torch 2.13.0+cpu has no CUDA", "make setup TORCH=cuda")
    unusable = Torch("2.10.0", "12.8", CUDA12.architectures, devices=0)
    expect(only(gpu.driver(H100, unusable)), "fail", "torch can use no GPU", "torch.cuda.init()")
    assert not list(gpu.driver(CPU, CUDA12))


def test_the_gpu_s_architecture_is_held_against_what_torch_was_built_for() -> None:
    expect(only(gpu.architecture(V100, CUDA12)), "ok", "sm_70; torch 2.10.0 has sm_70")
    expect(
        only(gpu.architecture(V100, CUDA13)), "fail", "sm_70, and torch 2.13.0+cu130 has only sm_75", "2.10.0 is the"
    )
    built = {(8, 6): ("sm_80",), (12, 1): ("sm_120",), (10, 3): ("compute_90",), (9, 0): ("sm_90a",)}
    for capability, architectures in built.items():
        machine = Machine("p", 1, 1, (Gpu("g", 1, capability),), "580.0")
        assert only(gpu.architecture(machine, Torch("t", "12.8", architectures))).state == "ok"
    for capability, architectures in {
        (8, 0): ("sm_86", "sm_75"),
        (12, 0): ("sm_90a",),
        (7, 5): ("compute_80",),
    }.items():
        machine = Machine("p", 1, 1, (Gpu("g", 1, capability),), "580.0")
        lacking = only(gpu.architecture(machine, Torch("t", "12.8", architectures)))
        assert lacking.state == "fail" and lacking.cure
    assert not list(gpu.architecture(CPU, CUDA12)) and not list(gpu.architecture(H100, NO_CUDA))


def test_memory_is_held_against_the_plan_s_peak() -> None:
    study = read_study(PHASE1)
    expect(only(fit.memory(H100, [study])), "ok", "phase1 needs about 1")
    small = Machine("p", 2, 8 * 10**9)
    expect(only(fit.memory(small, [study])), "fail", "this machine has 8.0 GB", "dtype: float16")
    expect(only(fit.memory(V100, [study])), "ok", "the GPUs have 64.0 GB")
    peak = float(only(fit.memory(H100, [study])).found.split("about ")[1].split()[0]) * 1e9
    tight = Machine("p", 2, ROOM, (Gpu("NVIDIA H100", int(peak * 1.05), (9, 0)),), "580.0")
    expect(only(fit.memory(tight, [study])), "warn", "the GPU has", "`context`")
    expect(only(fit.memory(CPU, [])), "ok", "64.0 GB")


def test_the_dtype_and_its_reason_are_told() -> None:
    study = read_study(PHASE1)
    for machine, said in (
        (H100, "bfloat16 for mistral-7b: native from compute capability 8.0"),
        (T4, "float16 for mistral-7b: compute capability 7.5 has no native bfloat16"),
        (CPU, "float32 for mistral-7b: the processor's arithmetic is float32"),
    ):
        expect(only(fit.dtype(machine, [study])), "ok", said)


def test_models_are_in_the_cache_or_to_be_had_or_not() -> None:
    there, coming = Stock("a", 5 * 10**9, 0), Stock("b", 4 * 10**9, 3 * 10**9)
    expect(only(disk.hub([there])), "ok", "a: in the cache, 5 GB")
    expect(only(disk.hub([coming])), "warn", "b: 3 GB to be fetched, the hub answers", "`lottery fetch`")
    offline = [Stock("c", 0, 0, "HF_HUB_OFFLINE is set"), Stock("d", 9, 9, "HF_HUB_OFFLINE is set")]
    found = only(disk.hub(offline))
    expect(found, "fail", "c, d: not complete in the cache, and HF_HUB_OFFLINE is set", "`lottery fetch`")
    assert [one.state for one in disk.hub([there, coming, *offline])] == ["ok", "warn", "fail"]


def test_disks_have_room_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 6 * 10**9)
    assert not list(disk.caches_room([Room(tmp_path)]))
    hub, own = Room(tmp_path / "hub", fetched=5 * 10**9), Room(tmp_path / "lottery", converted=2 * 10**9)
    expect(only(disk.caches_room([hub])), "ok", f"it takes 5 GB to fetch, 6 GB free for {hub.folder}")
    both = only(disk.caches_room([hub, own]))  # on one disk, so together they do not fit
    expect(both, "fail", "5 GB to fetch and 2 GB to dequantise, 6 GB free for", "set HF_HOME")
    deep = tmp_path / "not" / "there"
    expect(disk.results(deep, 1000), "ok", f"{deep} can be written")
    expect(disk.results(deep, 10**18), "fail", "needed", "make room, or name another folder with --results DIR")
    assert not deep.parent.exists()
    (tmp_path / "file").touch()
    expect(disk.results(tmp_path / "file" / "r", 0), "fail", "cannot be written", "--results DIR")


def test_records_take_more_where_sizes_are_measured(write_manifest: Callable[..., Path]) -> None:
    plain = disk.results_bytes(read_study(write_manifest()))
    sized = disk.results_bytes(read_study(write_manifest(measure="[perplexity, size]")))
    assert plain > 0 and sized > plain


def test_networks_that_trainings_stand_on_take_room() -> None:
    study = read_study(MANIFESTS / "ticket-pretrained.yaml")
    kept = [one for one in study.experiments if one.training and one.training.arm in ("dense", "ticket")]
    needed = sum(study.model(one.model).anatomy.weights for one in kept)
    assert disk.results_bytes(study) > 5 * needed > 10**10


def test_image_versions_and_commit_are_told() -> None:
    inside = Runtime("Apptainer")
    expect(about.image(inside, {}, "sha256:12"), "ok", "sha256:12")
    expect(
        about.image(inside, {"LOTTERY_COMMIT": "c"}, None),
        "warn",
        "its digest is not known",
        "set LOTTERY_IMAGE_DIGEST",
    )
    expect(about.image(Runtime(), {}, None), "ok", "not in an image of the suite")
    versions, commit = about.versions("1.0", {"torch": "2.10.0", "transformers": "5.23.0"}, "c0ffee" * 6)
    expect(versions, "ok", "suite 1.0, torch 2.10.0, transformers 5.23.0, Python 3.")
    expect(commit, "ok", "c0ffeec0ffee")
    expect(list(about.versions("1.0", {}, "c0ffee" * 6 + "+"))[1], "warn", "files of the suite differ", "commit the")
    expect(list(about.versions("1.0", {}, None))[1], "warn", "not known", "LOTTERY_COMMIT")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine, Runtime, Torch], None]:
    """A function that makes the command see another machine."""

    def see(machine: Machine, around: Runtime, torch: Torch) -> None:
        monkeypatch.setattr("suite.machine.this_machine", lambda: machine)
        monkeypatch.setattr("suite.runtime.runtime", lambda: around)
        monkeypatch.setattr(gpu, "this_torch", lambda: torch)

    return see


def test_a_machine_that_can_run_exits_0_and_one_that_cannot_1(call, seen, write_manifest, tmp_path: Path) -> None:
    path = write_manifest()
    seen(H100, Runtime(), CUDA13)
    good = call("doctor", path, "--results", tmp_path / "r")
    assert good.code == 0 and "This machine can run these manifests" in good.out
    assert not (tmp_path / "r").exists()
    seen(CPU, Runtime("Docker", "580.65"), CUDA13)
    bad = call("doctor", path, "--results", tmp_path / "r")
    assert bad.code == 1 and bad.err == ""
    lines = bad.out.splitlines()
    assert lines[0].startswith("fail  GPU ") and lines[1].strip() == "-> add --gpus all (Docker)"
    assert "\x1b[" not in bad.out  # the words do without colour
    assert lines[-1].startswith("This machine cannot run these manifests as it is: 1 of ")
    shown = json.loads(call("doctor", path, "--results", tmp_path / "r", "--json").out)
    assert shown["schema"] == "lottery-doctor/1" and shown["can_run"] is False
    assert shown["findings"][0] == {
        "state": "fail",
        "check": "GPU",
        "found": "none is visible: the host has NVIDIA's driver 580.65, and this container does not see it",
        "cure": "add --gpus all (Docker)",
    }


def test_without_a_manifest_it_looks_at_the_machine_alone(call, seen) -> None:
    seen(CPU, Runtime(), NO_CUDA)
    done = call("doctor")
    assert done.code == 0 and "This machine can run studies" in done.out
    assert not any(line.split()[1] in ("hub", "disk", "dtype") for line in done.out.splitlines() if line[:4].strip())


def test_a_wrong_manifest_is_one_sentence_and_exit_code_2(call, write_manifest) -> None:
    done = call("doctor", write_manifest("[{target: all, sparsity: 2}]"))
    assert done.code == 2 and done.out == "" and done.err.count("\n") == 1


def test_run_says_in_a_sentence_that_no_gpu_is_visible_and_is_silent_on_a_laptop(
    seen, monkeypatch: pytest.MonkeyPatch, write_manifest
) -> None:
    small, large = read_study(write_manifest()), read_study(PHASE1)
    seen(CPU, Runtime(), NO_CUDA)
    assert run_module._without_gpu([small]) is None
    assert "`lottery plan` says how long" in (run_module._without_gpu([large]) or "")
    seen(CPU, Runtime("Docker"), NO_CUDA)
    assert run_module._without_gpu([small]) is None
    assert run_module._without_gpu([large]) == (
        "no GPU is visible here, so this runs on the processor: a container (Docker) shows none by itself; "
        "if the machine has one, add --gpus all (Docker)"
    )
    seen(CPU, Runtime("Apptainer", "535.129.03"), NO_CUDA)
    assert "add --nv (Apptainer)" in (run_module._without_gpu([small]) or "")
    seen(H100, Runtime(), CUDA13)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.13.0+cpu")
    assert "make setup TORCH=cuda" in (run_module._without_gpu([small]) or "")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.13.0")
    assert run_module._without_gpu([large]) is None


def test_the_notice_is_one_line_on_standard_error(call, seen, write_manifest, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "r", ignore_errors=True)
    seen(CPU, Runtime("Docker", "580.65"), NO_CUDA)
    done = call("run", write_manifest(), "--results", tmp_path / "r")
    assert done.code == 0 and done.err.startswith("lottery: no GPU is visible here") and done.err.count("\n") == 1
