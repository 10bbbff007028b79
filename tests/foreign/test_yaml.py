"""A YAML file is data: no tag makes anything of it, and none is too large, too deep or too clever to be refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from suite.errors import InputError
from suite.manifest import read_study

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
TOP = "title: a\nmodels: mistral-7b\ntext: wikitext-2\n"
ABSURD = {
    "an object": ("title: !!python/object/apply:os.system ['true']\n", r":1:8: the tag .*python/object.* is not known"),
    "a class": ("title: !!python/name:os.system\n", r":1:8: this is not YAML: could not determine a constructor"),
    "a tag on a list": (TOP + "measure: !mine [perplexity]\n", r":4:10: the tag '!mine' is not known"),
    "a set": (TOP + "sparsity: !!set {0.5}\n", r":4:11: the tag .* is not known"),
    "no truth value": (TOP + "sparsity: !!bool x\n", r":4:11: 'x' cannot be read as !!bool"),
    "an empty number": (TOP + "sparsity: !!int ''\n", r":4:11: '' cannot be read as !!int"),
    "no date": (TOP + "seed: 2026-13-45\n", r":4:7: '2026-13-45' cannot be read as !!timestamp"),
    "half a character": ('title: "\\ud800"\nmodels: x\ntext: y\n', r":1:8: .*half a character"),
    "half a character as a key": ('title: a\n"\\udbff\\udfff": b\n', r":2:1: .*half a character"),
    "a control": ('title: "\\e[2J"\nmodels: x\ntext: y\n', r":1:8: title: one line without control characters"),
    "a bomb of aliases": (BOMB, r":\d+:\d+: the document holds more than 20,000 values"),
    "a list in itself": ("title: &a [*a]\n", r"nested more than 50 deep"),
    "a deep list": ("title: " + "[" * 90_000, r"this is not YAML: maximum recursion depth"),
    "a long text": ("title: " + "x" * 100_000 + "\n", r"more than the 100,000 characters that are read"),
    "a number of thousands of digits": (TOP + "context: 0x" + "f" * 5_000 + "\n", r":4:10: a number of 20000 bits"),
    "a million combinations": (
        TOP + f"target: all\nseed: {list(range(1_000))}\nsparsity: {[k / 2_000 for k in range(1, 1_001)]}\n"
        "experiments: [{criterion: random}]\n",
        r":7:15: with this grid the study has 1,000,000 combinations .* and 10,000 are the most",
    ),
    "endless layers": (TOP + f"target: all\nlayers: '{'0-99999,' * 1_000}0'\n", r":5:9: layers: .* at most 500"),
}


@pytest.mark.parametrize("what", ABSURD)
def test_what_nobody_means_is_told_at_once(tmp_path: Path, what: str) -> None:
    text, said = ABSURD[what]
    path = tmp_path / "study.yaml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(InputError, match=f"study.yaml{said}" if said.startswith(":") else said):
        read_study(path)
    assert time.process_time() - started < 2


def test_a_study_at_the_limit_is_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    sparsities = [k / 10_000 for k in range(1, 5_001)]
    path.write_text(f"{TOP}target: [all, blocks]\nsparsity: {sparsities}\nexperiments: [{{}}]\n")
    started = time.process_time()
    assert len(read_study(path).experiments) == 10_001
    assert time.process_time() - started < 10


def test_a_device_without_end_is_read_no_further_than_a_manifest_goes() -> None:
    with pytest.raises(InputError, match="more than the 100,000 characters"):
        read_study(Path("/dev/zero"))
