"""A text of the catalogue is told by its SHA-256, wherever below a folder of LOTTERY_DATA it lies."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from suite.data import held
from suite.data.catalogue import TEXTS
from suite.data.source import same_text, text_from_catalogue, text_from_file
from suite.errors import InputError
from suite.records.experiment import TextReference

ROWS = ["", " = Anna = \n", " Anna was a brave baker \u2013 and said so . \n"] * 50
JOINED = "\n\n".join(ROWS)
REAL_DATA = os.environ.get("LOTTERY_REAL_DATA")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A listed folder; wikitext-2 and c4-sample are the rows above."""
    digest, size = hashlib.sha256(JOINED.encode()).hexdigest(), len(JOINED.encode())
    monkeypatch.setitem(TEXTS, "wikitext-2", replace(TEXTS["wikitext-2"], sha256=digest, bytes=size))
    sample = replace(TEXTS["c4-sample"], sha256=digest, bytes=size, revision=f"sha256:{digest}")
    monkeypatch.setitem(TEXTS, "c4-sample", sample)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("LOTTERY_DATA", f"{tmp_path / 'nowhere'}:{tmp_path / 'data'}")
    held._held.cache_clear()
    return tmp_path / "data"


CONTENTS = {
    "rows.json": json.dumps(ROWS),
    "unescaped.json": json.dumps(ROWS, ensure_ascii=False, indent=1),
    "plain.txt": JOINED,
    "plain.raw": JOINED,
    "plain.text": JOINED,
    "lines.jsonl": "\n".join(json.dumps({"text": row, "url": "u"}) for row in ROWS) + "\n",
    "strings.jsonl": "\n".join(map(json.dumps, ROWS)),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_is_the_very_text_with_the_same_reference(folder: Path, name: str) -> None:
    before = text_from_catalogue("wikitext-2")
    assert before.file is None and before.hub_file is not None
    held._held.cache_clear()
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / name).write_bytes(CONTENTS[name].encode())
    text = text_from_catalogue("wikitext-2")
    assert text.file == folder / "a" / "b" / name and text.hub_file is None
    assert text.content == JOINED
    commit = "b08601e04326c79dfdd32d625aee71d232d685c3"
    assert text.reference == before.reference == TextReference(name="wikitext-2", revision=commit, join="\n\n")


def test_rows_are_joined_as_asked_and_a_plain_text_has_none(folder: Path) -> None:
    (folder / "plain.txt").write_text(JOINED)
    assert text_from_catalogue("wikitext-2", join=" ").file is None
    (folder / "plain.txt").unlink()
    (folder / "rows.json").write_text(CONTENTS["rows.json"])
    held._held.cache_clear()
    assert text_from_catalogue("wikitext-2", join=" ").content == " ".join(ROWS)
    with pytest.raises(InputError, match="always joined in the same way"):
        text_from_catalogue("c4-sample", join=" ")


def test_two_files_that_hold_it_are_both_named(folder: Path) -> None:
    (folder / "one.json").write_text(CONTENTS["rows.json"])
    os.link(folder / "one.json", folder / "same.json")
    (folder / "link.json").symlink_to(folder / "one.json")
    assert text_from_catalogue("wikitext-2").file == folder / "link.json"  # three names of one file
    (folder / "two.txt").write_text(JOINED)
    held._held.cache_clear()
    with pytest.raises(InputError, match=r"held by two files, .*link.json and .*two.txt: keep one, or name one by"):
        _ = text_from_catalogue("wikitext-2").file


def test_what_holds_something_else_is_no_candidate(folder: Path) -> None:
    changed = [*ROWS[:-1], ROWS[-1].replace("brave", "cross")]
    (folder / "changed.json").write_text(json.dumps(changed))
    (folder / "changed.txt").write_text("\n\n".join(changed))
    (folder / "other.json").write_text(json.dumps({"a": CONTENTS["rows.json"]}))
    (folder / "nested.json").write_text("[" * len(JOINED) * 2)
    (folder / "lines.jsonl").write_text('{"url": "u"}\n' * len(JOINED))
    (folder / "bytes.txt").write_bytes(b"\xff" * len(JOINED.encode()))
    (folder / "half.json").write_text('["\\ud800' + "a" * len(JOINED) + '"]')
    (folder / "notes.md").write_text(JOINED)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "rows.json").write_text(CONTENTS["rows.json"])
    os.mkfifo(folder / "pipe.json")
    (folder / "circle.json").symlink_to("circle.json")
    (folder / "again").symlink_to(folder)  # a folder in itself
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "rows.json").write_text(CONTENTS["rows.json"])
    (folder / "linked").symlink_to(folder.parent / "elsewhere")
    assert text_from_catalogue("wikitext-2").file is None


def test_a_file_that_cannot_be_read_is_no_candidate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "rows.json").write_text(CONTENTS["rows.json"])

    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert text_from_catalogue("wikitext-2").file is None


def test_the_search_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = folder.joinpath(*"abcde")
    deep.mkdir(parents=True)
    (deep / "rows.json").write_text(CONTENTS["rows.json"])
    assert text_from_catalogue("wikitext-2").file is None
    (deep.parent / "rows.json").write_text(CONTENTS["rows.json"])
    held._held.cache_clear()
    assert text_from_catalogue("wikitext-2").file == deep.parent / "rows.json"
    monkeypatch.setattr(held, "MOST_ENTRIES", 4)  # the folders above alone
    held._held.cache_clear()
    assert text_from_catalogue("wikitext-2").file is None


def test_a_process_looks_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "rows.json").write_text(CONTENTS["rows.json"])
    first = text_from_catalogue("wikitext-2").file
    monkeypatch.setattr(held, "scandir", None)
    assert text_from_catalogue("wikitext-2").file == first is not None


def test_without_file_and_hub_one_is_told_both(folder: Path) -> None:
    text = text_from_catalogue("wikitext-2")
    with pytest.raises(
        InputError, match=r"HF_HUB_OFFLINE is set.*; or put a file of it \(JSON rows or plain text; 2,998 "
    ):
        _ = text.content
    sample = text_from_catalogue("c4-sample")
    assert sample.hub_file is None
    with pytest.raises(
        InputError,
        match=r"sample_c4-rp1.jsonl of .*zlab-princeton.* at commit b5b0014\) lies in no folder of LOTTERY_DATA: put .*"
        rf"SHA-256 {str(sample.sha256)[:12]}\) into a folder of LOTTERY_DATA, or give its folder by --data DIR",
    ):
        _ = sample.content


def test_a_file_that_changes_under_way_is_told(folder: Path) -> None:
    (folder / "rows.json").write_text(CONTENTS["rows.json"])
    text = text_from_catalogue("c4-sample")
    assert text.file is not None
    (folder / "rows.json").write_text(json.dumps(ROWS[:-1]))
    with pytest.raises(InputError, match=r"rows.json changed while it was used"):
        _ = text.content


def test_the_same_text_under_another_name_is_known_for_the_same(folder: Path) -> None:
    (folder / "rows.json").write_text(CONTENTS["rows.json"])
    mine = text_from_file("mine", folder / "rows.json")
    assert same_text(mine, text_from_catalogue("wikitext-2"))
    assert not same_text(mine, text_from_catalogue("wikitext-2-training"))
    (folder / "other.txt").write_text("Anna.")
    assert not same_text(text_from_file("mine", folder / "other.txt"), mine)


@pytest.mark.skipif(REAL_DATA is None, reason="LOTTERY_REAL_DATA names no folder with real texts")
def test_the_real_texts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("LOTTERY_DATA", str(REAL_DATA))
    wikitext, sample = text_from_catalogue("wikitext-2"), text_from_catalogue("c4-sample")
    assert wikitext.file is not None and sample.file is not None
    assert len(json.loads(wikitext.file.read_text())) == 4358
    assert wikitext.reference == TextReference(
        name="wikitext-2", revision="b08601e04326c79dfdd32d625aee71d232d685c3", join="\n\n"
    )
    for text in (wikitext, sample):
        assert len(text.content.encode()) == text.bytes
        assert hashlib.sha256(text.content.encode()).hexdigest() == text.sha256
