"""Which experiment is exported, and where to; what cannot be right is refused and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite.manifest import read_study
from suite.models import export as directory
from suite.pruning import remove as removal
from suite.records import Store
from tests.cli.conftest import Done

Call = Callable[..., Done]
Write = Callable[..., Path]


@pytest.fixture
def ids(call: Call, write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The short ids of a manifest's experiments, as `lottery plan` shows them: dense, and every per cent to 20."""
    monkeypatch.chdir(tmp_path)
    write_manifest(f"[{{target: blocks, sparsity: {[k / 100 for k in range(1, 21)]}}}]")
    lines = [line.split() for line in call("plan", "study.yaml").out.splitlines() if line.startswith("  ")]
    return [words[0] for words in lines]


def test_without_a_cell_they_are_listed_as_the_plan_shows_them(call: Call, ids: list[str]) -> None:
    done = call("export", "study.yaml")
    assert done.code == 2
    assert [line.split()[0] for line in done.err.splitlines()[:-1]] == ids
    assert "which of these? Name one by --cell" in done.err.splitlines()[-1]


def test_a_cell_that_is_none_or_several_is_told(call: Call, ids: list[str]) -> None:
    none = call("export", "study.yaml", "--cell", "xyz")
    assert none.code == 2
    assert "the id of no experiment of study begins with 'xyz'; name one of those above" in none.err
    several = call("export", "study.yaml", "--cell", "")
    assert several.code == 2
    shared = [one for one in ids if sum(other[0] == one[0] for other in ids) > 1]
    if shared:
        done = call("export", "study.yaml", "--cell", shared[0][0].upper())
        assert done.code == 2
        assert [line.split()[0] for line in done.err.splitlines()[:-1]] == [
            one for one in ids if one[0] == shared[0][0]
        ]


def test_activations_in_8_bits_are_not_exported(call: Call, write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest("[{target: blocks, sparsity: 0.5, precision: float8-compute}]")
    study = read_study(path)
    done = call("export", path, "--cell", study.experiments[-1].id)
    assert done.code == 2
    assert "float8-compute multiplies by kernels" in done.err
    assert "float8-weights" in done.err


def test_a_folder_that_holds_something_is_left_alone(call: Call, ids: list[str], tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for out in ("taken", "file"):
        done = call("export", "study.yaml", "--cell", ids[0], "--out", out)
        assert done.code == 2
        assert f"{out} is there already, and not an empty folder" in done.err
    (tmp_path / "empty").mkdir()
    assert call("export", "study.yaml", "--cell", ids[0], "--out", "empty").code == 0
    assert (tmp_path / "empty" / "model.safetensors").is_file()


def test_by_itself_it_goes_to_a_folder_of_the_study_and_the_cell(call: Call, ids: list[str], tmp_path: Path) -> None:
    assert call("export", "study.yaml", "--cell", ids[0]).code == 0
    assert [path.name for path in (tmp_path / "exports" / "study").iterdir()] == [ids[0]]


def test_another_mask_than_was_measured_is_no_export(
    call: Call, write_manifest: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = read_study(write_manifest())
    assert call("run", "study.yaml", "--results", "results").code == 0
    cell = study.experiments[-1].id
    record = Store(tmp_path / "results" / "study").read(cell)
    assert record and record.pruning
    arguments = ("export", "study.yaml", "--cell", cell, "--results", "results", "--out")
    done = call(*arguments, "same")
    assert done.code == 0
    assert f"mask {record.pruning.mask_digest[:12]}, as its record says" in done.out
    remove = removal.remove
    monkeypatch.setattr("suite.models.pruned.remove", lambda weight, gone, *rest: remove(weight, gone.roll(1), *rest))
    done = call(*arguments, "other")
    assert done.code == 1
    assert f"says {record.pruning.mask_digest[:12]}: this is not the model that was measured" in done.err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("broken")])
def test_what_is_cut_short_leaves_nothing_behind(
    call: Call, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def cut(*_: Any) -> None:
        raise error

    monkeypatch.setattr(directory, "explain", cut)  # the last thing that is written
    done = call("export", "study.yaml", "--cell", ids[1], "--out", "there/model")
    code, message = {
        KeyboardInterrupt: (130, "interrupted"),
        OSError: (2, "cannot write there/model: No space left on device; make room"),
        RuntimeError: (1, "broken"),
    }[type(error)]
    assert (done.code, message in done.err) == (code, True)
    assert list((tmp_path / "there").iterdir()) == []


def test_only_what_is_compressed_is_expanded(call: Call, ids: list[str], tmp_path: Path) -> None:
    assert call("export", "study.yaml", "--cell", ids[1], "--out", "plain").code == 0
    done = call("expand", "plain", "--out", "again")
    assert done.code == 2
    assert "plain holds no model.compressed.safetensors" in done.err
    assert "its model.safetensors is an ordinary file already" in done.err
    assert call("export", "study.yaml", "--cell", ids[1], "--out", "small", "--compressed").code == 0
    path = tmp_path / "small" / "model.compressed.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    done = call("expand", "small", "--out", "again")
    assert done.code == 2
    assert "is not a file that `lottery export --compressed` wrote" in done.err
    assert not (tmp_path / "again").exists()


def test_mlps_of_unequal_width_have_no_configuration(call: Call, write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest("[{target: mlp, layers: '0', pattern: neurons, sparsity: 0.5}]")
    cell = read_study(path).experiments[-1].id
    done = call("export", path, "--cell", cell, "--out", tmp_path / "out")
    assert done.code == 2
    assert "MLPs are 12 and 24 neurons wide, and a config.json has one `intermediate_size`" in done.err
    assert not (tmp_path / "out").exists()


def test_a_point_that_a_search_asked_for_may_be_named_too(call: Call, write_manifest: Write, tmp_path: Path) -> None:
    path = write_manifest("[{target: blocks, cliff: 2}]")
    (search,) = read_study(path).searches
    assert call("export", path, "--cell", search.at(0.37).id[:12], "--out", tmp_path / "out").code == 0
    assert '"sparsity": 0.37' in (tmp_path / "out" / "lottery.json").read_text()
