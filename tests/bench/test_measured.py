"""What `lottery bench` measures of this machine: every stage beside its ceiling, kept for the forecasts made here."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import torch

from suite.bench import ceilings, measured, run, stages, work
from suite.bench.measured import Measured, keep, kept, kept_at
from suite.errors import InputError
from suite.machine import Gpu, Machine, this_machine
from suite.models.source import from_catalogue

TINY = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ceilings of little memory and small matrices, a tiny shape, a cache and a folder for models of the test's own."""
    monkeypatch.setattr(ceilings, "COPIED", {"cpu": 2**20})
    monkeypatch.setattr(ceilings, "SIZES", {"cpu": (32, 64)})
    monkeypatch.setattr(run, "SHAPES", {"tiny": {}})
    monkeypatch.setattr("suite.bench.shapes.SHAPES", {"tiny": {**TINY, "num_key_value_heads": 2}})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def measure(*dtypes: str, repeats: int = 2) -> Measured:
    return run.measure(from_catalogue("story-mistral-small"), dtypes, repeats, lambda what: None)


@pytest.mark.parametrize("captured", [False, True])  # as on a GPU; the passes themselves are not captured here
def test_every_stage_is_measured_beside_its_ceiling(captured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "captures", lambda model: captured)
    found = measure("float32")
    assert [one.stage for one in found.stages] == [one for one in measured.STAGES if captured or one != "captured"]
    rates = {one.name: one.rate for one in found.ceilings}
    anatomy = from_catalogue("story-mistral-small").anatomy
    amounts = {one.stage: one.amount for one in found.stages}
    linears = [one.weights for one in anatomy.select("all", None, None, "untie")]
    assert amounts["prune"] == amounts["restore"] == 2 * 4 * sum(linears)
    assert amounts["generate"] == amounts.get("captured", amounts["generate"]) == 16 * 4 * sum(linears)
    for one in found.stages:
        assert one.low <= one.seconds <= one.high and one.repeats == 2
        assert one.ceiling_seconds == pytest.approx(one.amount / rates[one.ceiling])
        assert one.share == pytest.approx(one.ceiling_seconds / one.seconds)


def test_each_dtype_asked_for_is_held_against_its_own_products() -> None:
    found = measure("float32", "float16", repeats=1)
    held = {one.dtype: one.ceiling for one in found.stages if one.stage == "evaluate"}
    assert held == {"float32": "matrix float32", "float16": "matrix float16"}


def test_operations_of_an_evaluation_are_those_of_its_matrix_products() -> None:
    anatomy = from_catalogue("story-mistral-small").anatomy
    layer = sum(one.weights for one in anatomy.block_linears)
    queries = 64 * anatomy.layers  # each meets half a window of keys, and then as many values: two products
    assert work.evaluation_operations(anatomy, 10, 0) == 10 * 2 * (layer + anatomy.head.weights)
    more = work.evaluation_operations(anatomy, 10, 256) - work.evaluation_operations(anatomy, 10, 0)
    assert more == 10 * 2 * 2 * (256 / 2) * queries


def test_a_model_made_for_the_measurement_is_gone_afterwards(tmp_path: Path) -> None:
    found = run.measure(None, ["float32"], 1, lambda what: None)
    assert found.model == "tiny" and found.width == TINY["hidden_size"]
    assert not list(tmp_path.glob("lottery-bench-*"))


def test_a_model_made_for_it_is_gone_when_it_is_interrupted(tmp_path: Path) -> None:
    def interrupt(what: str) -> None:
        if "evaluate" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.measure(None, ["float32"], 1, interrupt)
    assert not list(tmp_path.glob("lottery-bench-*"))


def test_where_no_model_fits_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "free_bytes", lambda folder: 1000)
    with pytest.raises(InputError, match="no model to measure fits here: tiny needs"):
        run.measure(None, ["float32"], 1, lambda what: None)


def test_files_are_read_from_the_disk_where_the_cache_lets_go_of_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2**20)
    found = ceilings.read_speed([path], 2)
    assert found.rate > 0 and found.note in ("from the disk", "from the page cache")
    path.read_bytes()
    if ceilings.forget([path]):  # then asking again says so: nothing has read it since
        assert ceilings.forget([path])


def test_what_was_measured_is_kept_for_this_machine_alone(tmp_path: Path) -> None:
    found, machine = measure("float32", repeats=1), this_machine()
    path = keep(found, machine)
    assert path.is_relative_to(tmp_path / "cache" / "lottery") and kept(machine) == found
    other = Machine("Another processor", machine.cores, machine.memory)
    assert kept(other) is None
    kept_at(other).write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=machine.hardware):
        kept(other)


def test_threads_count_on_a_processor_and_not_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Machine("A processor", 8, 2**34)
    card = Machine("A processor", 8, 2**34, (Gpu("A card", 2**34, (8, 0)),))
    places = []
    for threads in ("2", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        places.append((kept_at(host), kept_at(card)))
    assert places[0][0] != places[1][0] and places[0][1] == places[1][1]


def test_dtypes_are_those_of_the_processors_own_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    host = torch.device("cpu")
    monkeypatch.setattr("suite.machine.processor_flags", lambda: {"avx2"})
    assert ceilings.native_dtypes(host) == (torch.float32,)
    monkeypatch.setattr("suite.machine.processor_flags", lambda: {"avx2", "avx512_bf16"})
    assert ceilings.native_dtypes(host) == (torch.float32, torch.bfloat16)
