"""A large file's SHA-256 is remembered by those who look, looked at anew by those who measure, and never taken for that
of another file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from suite import hashes
from suite.cli import cli
from suite.errors import InputError
from suite.hashes import sha256_of, trusted

HOUR = 3_600_000_000_000  # ns


@pytest.fixture(autouse=True)
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read to be hashed; every file counts as a large one that was left alone."""
    names: list[str] = []
    digest = hashes._digest

    def noted(path: Path) -> str:
        names.append(path.name)
        return digest(path)

    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "LARGE", 1)
    monkeypatch.setattr(hashes, "SETTLED", -HOUR)
    monkeypatch.setattr(hashes, "_digest", noted)
    monkeypatch.setattr(hashes, "_hashed", {})
    return names


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.gguf"
    path.write_bytes(b"as it was")
    return path


def another_process() -> None:
    hashes._hashed.clear()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_who_looks_reads_a_file_once_and_who_measures_once_a_process(file: Path, read: list[str]) -> None:
    with trusted():
        assert sha256_of(file) == sha256(b"as it was")
        another_process()
        assert sha256_of(file) == sha256(b"as it was")
    assert len(read) == 1
    another_process()
    assert sha256_of(file) == sha256_of(file) == sha256(b"as it was")
    assert len(read) == 2


@pytest.mark.parametrize("set_back", [False, True])
def test_a_change_is_noticed_though_size_and_time_stay(file: Path, read: list[str], set_back: bool) -> None:
    with trusted():
        sha256_of(file)
        before = file.stat()
        time.sleep(0.02)  # a tick of the file system's clock
        file.write_bytes(b"as it is!")
        if set_back:
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert sha256_of(file) == sha256(b"as it is!")
    another_process()
    assert sha256_of(file) == sha256(b"as it is!")  # and that is no reason to complain


def test_a_link_that_is_turned_to_another_file_is_noticed(file: Path, tmp_path: Path) -> None:
    other, link = tmp_path / "other.gguf", tmp_path / "link.gguf"
    other.write_bytes(b"the other")
    link.symlink_to(file)
    with trusted():
        assert sha256_of(link) == sha256(b"as it was")
        link.unlink()
        link.symlink_to(other)
        assert sha256_of(link) == sha256(b"the other")


def test_a_file_in_anothers_place_is_noticed(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"the other")
    with trusted():
        sha256_of(file)
        os.replace(other, file)
        assert sha256_of(file) == sha256(b"the other")


@pytest.mark.parametrize("moved", [0, HOUR])
def test_a_file_that_was_changed_just_now_or_in_the_future_is_not_remembered(
    file: Path, read: list[str], monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """A change in the same tick of the clock would leave every time as it is."""
    monkeypatch.setattr(hashes, "SETTLED", 2_000_000_000)
    os.utime(file, ns=(0, time.time_ns() + moved))
    with trusted():
        assert sha256_of(file) == sha256_of(file) == sha256(b"as it was")
    assert len(read) == 2
    assert not hashes._memory().exists()


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashes._digest

    def meanwhile(path: Path) -> str:
        found = digest(path)
        time.sleep(0.02)
        path.write_bytes(b"as it is!")
        return found

    monkeypatch.setattr(hashes, "_digest", meanwhile)
    sha256_of(file)
    monkeypatch.setattr(hashes, "_digest", digest)
    with trusted():
        assert sha256_of(file) == sha256(b"as it is!")


def unchanged_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gives other bytes than before, and says nothing."""
    monkeypatch.setattr(hashes, "_stamp", lambda _: hashes.Stamp(9, 1, 2, 3))


def test_what_changed_behind_its_stamp_is_told_once_by_who_measures(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchanged_stamp(monkeypatch)
    sha256_of(file)
    file.write_bytes(b"as it is!")
    another_process()
    with trusted():
        assert sha256_of(file) == sha256(b"as it was")
    another_process()
    with pytest.raises(InputError, match="weights.gguf has changed while its size and times stayed the same"):
        sha256_of(file)
    for _ in range(2):
        another_process()
        assert sha256_of(file) == sha256(b"as it is!")


def test_who_knows_what_a_file_should_be_is_given_what_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unchanged_stamp(monkeypatch)
    sha256_of(file)
    file.write_bytes(b"as it is!")
    another_process()
    assert sha256_of(file, expected=sha256(b"as it was")) == sha256(b"as it is!")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": [[1], "b"]}', "null", '{"a": "bc"}'])
def test_a_memory_that_does_not_read_is_none(file: Path, content: str) -> None:
    hashes._memory().parent.mkdir(parents=True)
    hashes._memory().write_text(content)
    with trusted():
        assert sha256_of(file) == sha256(b"as it was")
    assert list(json.loads(hashes._memory().read_text())) == [str(file)]
    assert [path.name for path in hashes._memory().parent.iterdir()] == ["hashes.json"]


def test_a_cache_that_cannot_be_written_remembers_nothing(file: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, where the folder would be")
    assert sha256_of(file) == sha256(b"as it was")


def test_the_latest_files_are_remembered(tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "MOST", 2)
    paths = [tmp_path / name for name in "abc"]
    with trusted():
        for path in paths:
            path.write_text(path.name)
            sha256_of(path)
        another_process()
        read.clear()
        sha256_of(paths[1]), sha256_of(paths[2])
        assert read == []
        sha256_of(paths[0])
        assert read == ["a"]


def test_a_small_file_is_not_remembered(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "LARGE", 10)
    with trusted():
        assert sha256_of(file) == sha256(b"as it was")
    assert not hashes._memory().exists()


def test_a_second_plan_reads_no_weights_and_a_run_checks_them(
    write_manifest: Callable[..., Path], tmp_path: Path, mistral: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = Path(shutil.copytree(mistral, tmp_path / "model")) / "model.safetensors"
    monkeypatch.setattr(hashes, "LARGE", weights.stat().st_size)
    path = write_manifest(models="[{name: tiny, path: model}]")

    def lottery(*arguments: object) -> Result:
        another_process()
        read.clear()
        return CliRunner().invoke(cli, [*map(str, arguments), "--results", str(tmp_path / "r")])

    first, hashed = lottery("plan", path), read.count(weights.name)
    second, again = lottery("plan", path), read.count(weights.name)
    assert (hashed, again) == (1, 0)
    assert first.exit_code == second.exit_code == 0 and first.output == second.output
    assert lottery("doctor", path).exit_code == 0 and weights.name not in read

    stamp, content = hashes._stamp(str(weights)), bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(hashes, "_stamp", lambda _: stamp)
    refused = lottery("run", path)
    assert isinstance(refused.exception, InputError) and read.count(weights.name) == 1
    assert "model.safetensors has changed while its size and times stayed the same" in str(refused.exception)
    assert not (tmp_path / "r").exists()
    assert "2 done" in lottery("run", path).output
