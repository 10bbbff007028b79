"""A GGUF file is converted once, and its directory is there whole or not at all."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from suite.errors import InputError
from suite.gguf import cache, convert
from suite.gguf.tokenizer import tokenizer_beside
from suite.models.loading import load_model, load_tokenizer, stored_values
from suite.models.source import ModelSource, from_folder, from_gguf, from_weights_file
from suite.paths import model_cache
from suite.weights import HubFileSource, WeightsFile
from suite.weights.obtain import kept_at
from tests.gguf_files import tiny


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "lottery"


@pytest.fixture
def source(tmp_path: Path, root: Path) -> ModelSource:
    return from_gguf("tiny", tiny.write(tmp_path / "model.gguf", kind="Q4_1"))


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name != ".locks")


def test_it_lies_beside_the_hub_s_cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_cache() == root
    monkeypatch.delenv("HF_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert model_cache() == Path("~/.cache/huggingface/lottery").expanduser()


def test_it_is_made_once_and_loaded_like_any_other(source: ModelSource, root: Path, monkeypatch) -> None:
    assert source.folder is None and not source.untrained
    assert cache.missing_bytes(source) == 4 * source.anatomy.weights
    loaded = load_model(source, "float32", "a test")
    assert loaded.strays() == []
    monkeypatch.setattr(convert, "convert", None)  # cannot be called again
    again = stored_values(source)
    assert again.keys() == source.anatomy.by_name.keys()
    assert all(torch.equal(values, loaded.parameter(name)) for name, values in again.items())
    assert cache.missing_bytes(source) == 0
    (name,) = left(root)
    assert source.gguf is not None
    assert name.startswith(source.gguf.sha256) and source.revision == f"sha256:{source.gguf.sha256}"
    loaded.close()


def test_what_it_was_made_of_is_part_of_its_name(source: ModelSource, root: Path, monkeypatch, mistral: Path) -> None:
    folders = {cache.gguf_folder(source)}
    monkeypatch.setattr(cache, "FORMAT", 2)
    folders.add(cache.gguf_folder(source))
    monkeypatch.setattr(cache, "version", lambda name: "9.9")
    folders.add(cache.gguf_folder(source))
    assert source.gguf is not None and source.gguf.path is not None
    shutil.copy(mistral / "tokenizer.json", source.gguf.path.parent)
    folders.add(cache.gguf_folder(from_gguf("tiny", source.gguf.path, tokenizer=tokenizer_beside(source.gguf.path))))
    tiny.write(source.gguf.path, kind="Q4_1", seed=1)
    folders.add(cache.gguf_folder(from_gguf("tiny", source.gguf.path)))
    assert len(folders) == len(left(root)) == 5


def test_a_tokenizer_in_place_of_the_file_s_is_part_of_the_revision(source: ModelSource, mistral: Path) -> None:
    assert source.gguf is not None and source.gguf.path is not None
    path, revisions = source.gguf.path, []
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(mistral / name, path.parent)
        other = from_gguf("tiny", path, tokenizer=tokenizer_beside(path))
        assert (
            load_tokenizer(other)("a cat")["input_ids"]
            == load_tokenizer(from_folder("m", mistral))("a cat")["input_ids"]
        )
        assert re.fullmatch(rf"{source.revision}\+[0-9a-f]{{16}}", other.revision)
        revisions.append(other.revision)
    assert len(set(revisions)) == 2


def test_beside_a_file_that_is_fetched_nothing_counts(source: ModelSource, root: Path, mistral: Path) -> None:
    assert source.gguf is not None and source.gguf.path is not None
    weights = WeightsFile(source.gguf.sha256, source.gguf.bytes, (HubFileSource("o/r", "0" * 40, "model.gguf"),))
    kept_at(source.gguf.sha256).parent.mkdir(parents=True)
    shutil.copy(source.gguf.path, kept_at(source.gguf.sha256))
    for folder in (source.gguf.path.parent, kept_at(source.gguf.sha256).parent):
        shutil.copy(mistral / "tokenizer.json", folder)
    fetched = from_weights_file("tiny", weights)
    of_catalogue = replace(fetched, gguf=replace(source.gguf, path=None))
    for one in (source, fetched, of_catalogue):
        assert one.revision == f"sha256:{source.gguf.sha256}"
        assert len(load_tokenizer(one)) == len(tiny.TOKENS)
    assert len(left(root)) == 2  # the file, and one directory


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("no"), RuntimeError, OSError(28, "No space left")])
def test_an_interruption_leaves_nothing_and_the_next_run_works(source: ModelSource, root: Path, error) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise error

    with pytest.raises((KeyboardInterrupt, InputError, RuntimeError)):
        cache.gguf_folder(source, interrupt)
    assert left(root) == []
    assert cache.gguf_folder(source).is_dir()


CONVERT = """
import sys, time
from pathlib import Path
from suite.gguf import cache
from suite.models.source import from_gguf
def told(done, total):
    print(done, flush=True)
    time.sleep(float(sys.argv[2]))
print(cache.gguf_folder(from_gguf("tiny", Path(sys.argv[1])), told), flush=True)
"""


def process(source: ModelSource, pause: float) -> subprocess.Popen[str]:
    assert source.gguf is not None
    command = [sys.executable, "-c", CONVERT, str(source.gguf.path), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_a_killed_process_left_is_swept_away(source: ModelSource, root: Path) -> None:
    with process(source, 60) as running:
        assert running.stdout is not None
        running.stdout.readline()
        (unfinished,) = left(root)
        assert unfinished.endswith(".tmp")
        os.kill(running.pid, signal.SIGKILL)
    other = root / f".{'0' * 64}-{'1' * 16}-abcdef01.tmp"
    other.mkdir()
    folder = cache.gguf_folder(source)
    # Another node may be at it, whose locks are not seen here.
    assert left(root) == sorted([unfinished, other.name, folder.name])
    day_ago = time.time() - 25 * 3600
    for path in (other, root / unfinished, *(root / unfinished).iterdir()):
        os.utime(path, (day_ago, day_ago))
    shutil.rmtree(folder)
    cache.gguf_folder(source)
    assert left(root) == [folder.name]


def test_two_processes_at_once_make_it_once(source: ModelSource, root: Path) -> None:
    with process(source, 0.1) as first, process(source, 0.1) as second:
        said = [running.communicate()[0].splitlines() for running in (first, second)]
    assert sorted(len(lines) for lines in said) == [1, 1 + len(source.anatomy.parameters)]
    assert said[0][-1] == said[1][-1] == str(root / left(root)[0])
    assert len(left(root)) == 1


def test_what_is_being_made_is_not_swept_away(source: ModelSource, root: Path, tmp_path: Path) -> None:
    other = from_gguf("other", tiny.write(tmp_path / "other.gguf", kind="Q4_1", seed=1))
    with process(source, 0.2) as running:
        assert running.stdout is not None
        running.stdout.readline()
        cache.gguf_folder(other)
        assert running.communicate()[0].splitlines()[-1].startswith(str(root))
    assert len(left(root)) == 2


def test_a_directory_that_is_damaged_is_made_anew(source: ModelSource) -> None:
    weights = cache.gguf_folder(source) / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    assert (cache.gguf_folder(source) / "model.safetensors").read_bytes() == content


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_directory_that_lacks_a_file_is_made_anew(source: ModelSource, name: str) -> None:
    lost = cache.gguf_folder(source) / name
    content = lost.read_bytes()
    lost.unlink()
    assert cache.missing_bytes(source)
    cache.gguf_folder(source)
    assert lost.read_bytes() == content


def test_a_directory_of_another_model_is_refused(root: Path, tmp_path: Path) -> None:
    source = from_gguf("tiny", tiny.write(tmp_path / "model.gguf", tied=False))
    folder = cache.gguf_folder(source)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    with pytest.raises(InputError, match=r"is not the model of its GGUF file; remove it"):
        load_model(source, "float32", "a test")


def test_a_disk_that_is_too_small_is_told_before(source: ModelSource, root: Path, monkeypatch) -> None:
    monkeypatch.setattr(cache, "free_bytes", lambda folder: 1_000)
    with pytest.raises(InputError, match=r"takes [\d.]+ MB once it is dequantised, and the disk of .* has 1 kB free"):
        cache.gguf_folder(source)
    assert left(root) == []


def test_a_cache_that_cannot_be_written_is_told(source: ModelSource, root: Path) -> None:
    root.parent.mkdir()
    root.write_text("a file")
    with pytest.raises(InputError, match=r"cannot write .*; make room, or set HF_HOME"):
        cache.gguf_folder(source)


def test_it_travels_to_another_process(source: ModelSource) -> None:
    _ = source.anatomy
    there = pickle.loads(pickle.dumps(source))
    assert there == source and there.gguf == source.gguf
    assert replace(source, gguf=None).untrained


def test_a_file_that_changes_while_it_is_read_is_told(source: ModelSource, root: Path) -> None:
    assert source.gguf is not None and source.gguf.path is not None
    path = source.gguf.path

    def cut(done: int, total: int) -> None:
        os.truncate(path, 20_000)

    with pytest.raises(InputError, match=r"became shorter while it was read"):
        cache.gguf_folder(source, cut)
    assert left(root) == []
