"""A GGUF file's header is what it says, or is refused in one sentence, in no time and no memory."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGML_QUANT_SIZES, GGUFReader, GGUFWriter
from safetensors.numpy import save_file

from suite.errors import InputError
from suite.gguf.header import LONGEST_KEPT, TYPES, Skipped, read_header
from tests.foreign.fuzz import fuzz_ggufs
from tests.gguf_files import tiny

COUNT, KEYS = 8, 16  # where the number of tensors and of keys stand


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("gguf") / "model.gguf", kind="Q4_1", tied=False)


def test_it_is_what_the_package_reads(path: Path) -> None:
    header, reader = read_header(path), GGUFReader(path)
    assert [(t.name, t.shape, t.type, header.data_start + t.offset, t.bytes) for t in header.tensors] == [
        (t.name, tuple(map(int, t.shape[::-1])), t.tensor_type.name, t.data_offset, t.n_bytes) for t in reader.tensors
    ]
    fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert header.metadata.keys() == fields.keys()
    for key, value in fields.items():
        found = header.metadata[key]
        if isinstance(value, list):
            assert found == (Skipped(len(value)) if isinstance(value[0], str) else tuple(value)), key
        else:
            assert found == value, key
    assert (header.version, header.architecture, header.size) == (3, "llama", path.stat().st_size)


def test_it_knows_the_types_that_the_package_knows() -> None:
    assert {number: (name, *sizes) for number, (name, *sizes) in TYPES.items()} == {
        kind.value: (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()
    }


def test_a_long_array_is_counted_and_not_kept(tmp_path: Path) -> None:
    change = lambda writer: writer.add_array("x.long", [1.5] * (LONGEST_KEPT + 1))  # noqa: E731
    header = read_header(tiny.write(tmp_path / "model.gguf", change=change))
    assert header.metadata["x.long"] == Skipped(LONGEST_KEPT + 1)


def refused(path: Path, content: bytes) -> str:
    wrong = path.with_name("wrong.gguf")
    wrong.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_header(wrong)
    said = str(caught.value)
    assert str(wrong) in said and "\n" not in said
    return said


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.0001, 0.001, 0.01, 0.5, 0.999])
def test_a_truncated_file_says_what_was_expected_and_found(path: Path, share: float) -> None:
    content = path.read_bytes()
    said = refused(path, content[: 4 + int(share * (len(content) - 4))])
    assert "is truncated: at least" in said and f"{4 + int(share * (len(content) - 4)):,} found" in said


def test_the_last_byte_of_the_last_tensor_is_missed(path: Path) -> None:
    header = read_header(path)
    last = max(header.tensors, key=lambda tensor: tensor.offset)
    end = header.data_start + last.offset + last.bytes
    said = refused(path, path.read_bytes()[: end - 1])
    assert f"at least {end:,} bytes expected, {end - 1:,} found" in said


def test_what_is_something_else_is_called_by_its_name(path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("data.pkl", b"x")
    save_file({}, tmp_path / "x.safetensors")
    for content, said in {
        (tmp_path / "x.zip").read_bytes(): "it is a zip archive, as PyTorch saves pickles",
        b"\x80\x04\x95" + b"x" * 40: "it is a pickle",
        (tmp_path / "x.safetensors").read_bytes() + b" " * 40: "it is a safetensors file",
        b"version https://git-lfs.github.com/spec/v1": "a pointer of Git LFS",
        b"<!doctype html>": "a page of a web site",
        b"tjgg" + b"\0" * 40: "of the older GGML format",
        b"": "it is empty",
        b"GGUX" + b"\0" * 40: "it begins with b'GGUX' in place of b'GGUF'",
    }.items():
        assert said in refused(path, content)


def put(content: bytes, at: int, form: str, value: int) -> bytes:
    return content[:at] + struct.pack(form, value) + content[at + struct.calcsize(form) :]


def after(content: bytes, name: bytes) -> int:
    """Where the bytes after a key or a tensor's name begin."""
    return content.index(struct.pack("<Q", len(name)) + name) + 8 + len(name)


def test_each_claim_that_cannot_be_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    tensor = after(whole, b"token_embd.weight")  # dimensions, 2 lengths, type, offset
    other = after(whole, b"blk.0.attn_q.weight")
    tokens = after(whole, b"tokenizer.ggml.tokens")  # type, type of the items, how many, length of the first
    kind = after(whole, b"tokenizer.ggml.token_type")
    for content, said in {
        put(whole, 4, "<I", 1): "its version is 1",
        put(whole, 4, ">I", 3): "it is big-endian",
        put(whole, COUNT, "<Q", 2**63): "states 9,223,372,036,854,775,808 tensors, and at most",
        put(whole, COUNT, "<Q", 22): "a tensor's name is ''",
        put(whole, KEYS, "<Q", 2**40): "keys, and at most",
        put(whole, 24, "<Q", 2**40): "a key's name is 1,099,511,627,776 bytes long",
        put(whole, tokens + 8, "<Q", 2**60): "texts of 'tokenizer.ggml.tokens', and at most",
        put(whole, tokens + 8, "<Q", 90_000_000): "is truncated",
        put(whole, tokens + 16, "<Q", 2**50): "key 'tokenizer.ggml.tokens' is 1,125,899,906,842,624 bytes long",
        put(whole, tokens + 4, "<I", 9): "is an array of arrays",
        put(whole, tokens + 4, "<I", 13): "is an array of the unknown type 13",
        put(whole, tokens, "<I", 99): "key 'tokenizer.ggml.tokens' is of the unknown type 99",
        put(whole, kind + 8, "<Q", 2**61): "items of 'tokenizer.ggml.token_type', and at most",
        put(whole, tensor, "<I", 0): "has 0 dimensions",
        put(whole, tensor, "<I", 5): "has 5 dimensions",
        put(whole, tensor + 4, "<Q", 0): "has shape [263, 0], in which no length may be 0",
        put(whole, tensor + 12, "<Q", 0): "has shape [0, 256], in which no length may be 0",
        put(whole, tensor + 4, "<Q", 33): "has rows of 33, and Q4_1 has blocks of 32",
        put(whole, tensor + 12, "<Q", 2**62): "overlaps another",
        put(whole, tensor + 20, "<I", 4): "is of the unknown type 4",
        put(whole, other + 24, "<Q", 1): "does not begin at a multiple of 32",
        put(whole, other + 24, "<Q", 32): "overlaps another",
        put(whole, other + 24, "<Q", 2**63): "is truncated",
        whole.replace(b"tiny", b"t\xffny", 1): "key 'general.name' is not UTF-8",
        whole.replace(b"general.architecture", b"general.architecturo", 1): "it has no text `general.architecture`",
        whole.replace(b"tokenizer.ggml.pre", b"tokenizer.ggml.p\ne", 1): "a key's name is 'tokenizer.ggml.p\\ne'",
        whole.replace(b"blk.1.attn_q.weight", b"blk.0.attn_q.weight", 1): "'blk.0.attn_q.weight' is there twice",
        whole.replace(b"llama.block_count", b"general.alignment", 1): "`general.alignment` is 2, and",
    }.items():
        if said.startswith("`general.alignment` is 2"):
            content = put(content, after(content, b"general.alignment") + 4, "<I", 3)
            said = "`general.alignment` is 3, and a power of two"
        assert said in refused(path, content)


@pytest.mark.parametrize("part", [1, 3])
def test_a_part_of_a_split_file_says_so(tmp_path: Path, part: int) -> None:
    """llama.cpp writes the model's keys into the first part alone."""
    writer = GGUFWriter(path := tmp_path / f"model-0000{part}-of-00003.gguf", "llama")
    if part > 1:
        writer.kv_data[0].clear()
    writer.add_uint16("split.no", part - 1)
    writer.add_uint16("split.count", 3)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    said = f"is part {part} of 3 of a model that was split: join them first with `llama-gguf-split --merge`"
    with pytest.raises(InputError, match=said):
        read_header(path)


def test_a_file_that_says_it_is_the_only_part_is_read(tmp_path: Path) -> None:
    read_header(tiny.write(tmp_path / "model.gguf", change=lambda writer: writer.add_uint16("split.count", 1)))


def test_a_file_that_is_missing_or_a_folder_is_told(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(InputError, match="cannot read"):
            read_header(wrong)


def test_a_huge_count_costs_neither_memory_nor_time(path: Path) -> None:
    whole = path.read_bytes()
    for at in (COUNT, KEYS, 24, after(whole, b"tokenizer.ggml.tokens") + 8):
        for count in (2**63, 2**32, 90_000_000, 50_000):
            tracemalloc.start()
            started = time.process_time()
            refused(path, put(whole, at, "<Q", count))
            spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 2 * len(whole) + 2_000_000 and spent < 5, (at, count)


@pytest.mark.parametrize("allocate", [torch.ones, np.ones])
def test_a_file_that_would_fill_the_memory_is_noticed(tmp_path: Path, allocate: Callable[[int], object]) -> None:
    def handle(path: Path, out: Path) -> bool:
        out.mkdir()
        if path.name == "foreign.gguf":
            allocate(100_000_000)
        return True

    (fault,) = fuzz_ggufs(1, seed=1, folder=tmp_path, handle=handle).faults
    assert fault.startswith("MemoryError in ggufs.py") and "the process grew by more than" in fault


def test_hundreds_of_mutated_headers(tmp_path: Path) -> None:
    tally = fuzz_ggufs(400, seed=1, folder=tmp_path)
    assert not tally.faults, tally.kept
    assert tally.accepted > 20 and tally.refused > 150
