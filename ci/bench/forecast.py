"""Benchmark: how well studies are foreseen on a machine where none was done, and once ten experiments of one are.

python ci/bench/forecast.py [STUDY...] [--json FILE]

Each study is run as `lottery run` does, in a process of its own, and held against what was foreseen: all of it before,
from the command to its end; and after ten experiments the seconds of the others. What `lottery bench` measured here is
left aside. A figure is how many times as long or as short it took. Studies of a model or text that cannot be had here
(from the package index, the hub, $LOTTERY_DATA) are not measured. A study takes less than four minutes on two cores.

The tiny model has one thread; bfloat16 is computed as on a processor with AVX2 and nothing beyond.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import yaml
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from suite.bench.figures import Row, at_most, figures, row
from suite.bench.shapes import shaped, write_shape
from suite.data import grammar
from suite.errors import InputError
from suite.forecast.outlook import Outlook
from suite.forecast.rates import rates
from suite.machine import processor_flags, this_machine
from suite.manifest import Study, read_study
from suite.paths import MANIFESTS, ROOT, hub_home
from suite.records import Record
from suite.records.store import read_records

TEN = 10
UNSEEN, SEEN = 1.5, 1.2  # how far off a forecast may be, either way
REAL = "smollm2-135m-instruct"
TINY: dict[str, int] = {  # 0.26 million parameters, and a token for each byte
    **{"hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8},
    **{"num_key_value_heads": 4, "vocab_size": 256},
}
TINY_TOKENS = 273_000
GRID = [k / 100 for k in range(5, 100, 5)]
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


@dataclass(frozen=True)
class Case:
    """A study to foresee: its manifest where it is not one that ships, and the environment that it runs in."""

    name: str
    manifest: dict[str, Any] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def cases() -> list[Case]:
    evaluated = {"text": "wikitext-2", "context": 2048, "measure": ["perplexity"]}
    written = evaluated | {"measure": ["perplexity", "generation", "coherence"]}
    cells = {"target": "blocks", "sparsity": GRID}
    few = {"target": "blocks", "sparsity": [0.3, 0.5]}
    tiny = {"models": [{"name": "tiny", "path": "tiny"}], "text": {"name": "text", "path": "text.txt"}}
    half = {"models": [{"name": "story-mistral", "dtype": "bfloat16"}], "text": "stories", "measure": ["perplexity"]}
    return [
        Case("embedded"),
        Case("real", evaluated | {"models": REAL, "windows": 1, "experiments": [cells]}),
        Case("real-written", written | {"models": REAL, "windows": 2, "experiments": [few]}),
        Case(
            "tiny",
            tiny | {"context": 256, "measure": ["perplexity"], "experiments": [cells]},
            {"OMP_NUM_THREADS": "1"},
        ),
        Case("bfloat16", half | {"experiments": [cells]}, AVX2),
    ]


def manifest_of(case: Case, folder: Path) -> Path:
    """The case's manifest, with the model and the text that it names written beside it."""
    if case.manifest is None:
        return MANIFESTS / f"{case.name}.yaml"
    if case.name == "tiny":
        write_shape(folder / "tiny", shaped("0.4B", **TINY), torch.float32)
        bytes_alone().save_pretrained(folder / "tiny")
        (folder / "text.txt").write_text(_stories(), encoding="utf-8")
    path = folder / f"{case.name}.yaml"
    path.write_text(yaml.safe_dump({"title": case.name} | case.manifest), encoding="utf-8")
    return path


def bytes_alone() -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are bytes."""
    alphabet = sorted(ByteLevel.alphabet())
    made = Tokenizer(BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=made)


def _stories() -> str:
    """Stories of as many bytes as the tiny model reads."""
    content, number = "", 0
    while len(content) < TINY_TOKENS:
        content += grammar.join(grammar.write(50, number))
        number += 1
    return content[:TINY_TOKENS]


@contextmanager
def surroundings(case: Case, folder: Path) -> Iterator[None]:
    """The environment of a case, without what `lottery bench` kept, and a processor without what it leaves out."""
    own = {"HF_HOME": str(hub_home().expanduser().absolute()), "XDG_CACHE_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    flags: set[str] = {"avx2"} if case.environment is AVX2 else processor_flags()
    with patch.dict(os.environ, {**own, **case.environment}), patch("suite.machine.processor_flags", lambda: flags):
        rates.cache_clear()
        yield
    rates.cache_clear()


def outlook(study: Study, records: list[Record]) -> Outlook:
    return Outlook.of(study, records, this_machine())


def measure(case: Case) -> list[Row]:
    """Foresee a study, run it, and hold the two together.

    Raises:
        SystemExit: an experiment failed.
    """
    unseen, seen = f"forecast: {case.name}, unseen", f"forecast: {case.name}, after ten cells"
    with tempfile.TemporaryDirectory() as place, surroundings(case, Path(place)):
        manifest, results = manifest_of(case, Path(place)), Path(place) / "results"
        if why := _lacking(manifest):
            print(f"{case.name}: {why}")
            return [row("forecast", unseen, [], "times", target=at_most(UNSEEN), note=why[:300])]
        study = read_study(manifest)
        foreseen = outlook(study, []).whole
        started = time.perf_counter()
        command = [sys.executable, "-m", "suite", "run", str(manifest), "--results", str(results)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"the study {case.name} ended with exit code {done.returncode}")
        rows = [_row(unseen, took, foreseen, UNSEEN)]
        records, _ = read_records([results])
        records.sort(key=lambda one: one.environment.started)
        if len(records) > TEN:
            first, others = records[:TEN], records[TEN:]
            rows.append(_row(seen, sum(r.environment.seconds for r in others), outlook(study, first).left, SEEN))
    return rows


def _lacking(manifest: Path) -> str | None:
    """Why a study cannot be measured here; what it needs is fetched and dequantised, where it can be had."""
    command = [sys.executable, "-m", "suite", "fetch", str(manifest)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else None


def _row(what: str, took: float, foreseen: float, most: float) -> Row:
    ratio = took / foreseen
    note = f"{took:.4g} s, and {foreseen:.4g} foreseen: {ratio:.2f} times as long"
    print(f"{what}: {note}", flush=True)
    return row("forecast", what, [max(ratio, 1 / ratio)], "times", target=at_most(most), note=note)


def main() -> None:
    known = {case.name: case for case in cases()}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"of {', '.join(known)}; by default all")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    if strangers := set(asked.studies) - set(known):
        parser.error(f"no study is called {', '.join(sorted(strangers))}; there are {', '.join(known)}")
    try:
        rows = [found for name in asked.studies or known for found in measure(known[name])]
    except InputError as error:
        parser.exit(2, f"forecast: {error}\n")
    if asked.json:
        figures("forecast", rows, torch.get_num_threads()).write(asked.json)


if __name__ == "__main__":
    main()
