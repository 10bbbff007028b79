"""Benchmark: the whole of phase 2 by the suite and by the plain script, the same cells, in one run.

    python ci/bench/against_plain.py [--cells 20] [--size 0.4B] [--dtypes float32 bfloat16] [--json FILE]

The model has a real shape and random weights, the text is one window of 2048 tokens, and perplexity is measured. The
two take turns, a cell each. The suite works as `lottery run` does: it hashes the model's files, loads, and keeps
records. Its stages add up to its time. `evaluate` has the masks' digest in it and the divergence from the dense model,
which the plain script does without, and lacks blocks that are known from a cell before; `restore` is the way to the
next cell, a record written on it, and for the plain script that is loading the model again; `check` is the look, at the
end, whether every weight is back. Last, both let the dense model write. Files in the dtype a model runs in are mapped
and not read when they are loaded, so loading again costs little; with `--stored float16` they are cast, as most
published models are that run on a processor.

What came out is held together as well: zeros, masks, perplexities, what was written. Where several weights have the
magnitude at the threshold, the suite takes the first of them and torch.topk any, so masks may differ in those.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch
import yaml
from comparison import TARGETS, Comparison, across, beside_script, rows_of, show
from plain import DEVICE, PROMPT, Cell, windows_of
from sides import by_suite, likeness

from suite.bench.ceilings import native_dtypes
from suite.bench.figures import Row, figures, row
from suite.bench.shapes import shaped, write_shape
from suite.data import grammar
from suite.evaluation.generation import greedy
from suite.machine import this_machine
from suite.models.loading import LoadedModel, load_model
from suite.models.source import from_folder
from suite.protocol import NEW_TOKENS
from suite.records import Record

PHASE_2 = Path(__file__).parents[2] / "manifests" / "phase2.yaml"
CONTEXT = 2048
SIZES: dict[str, dict[str, int]] = {  # what of the 0.4B shape is otherwise
    "0.4B": {},
    "0.1B": {"num_hidden_layers": 5},
    "0.3M": {
        **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4},
        **{"num_key_value_heads": 2, "vocab_size": 512},
    },
}
REPEATS = 5


def write_study(folder: Path, size: str, dtype: str, stored: str) -> tuple[Path, str]:
    """Phase 2 over a model that is written beside its manifest, stored as said, and over a text of one window.

    Returns:
        The manifest, and the text.
    """
    model, text, manifest = folder / "model", folder / "text.txt", folder / "phase2.yaml"
    write_shape(model, shaped("0.4B", **SIZES[size]), getattr(torch, stored))
    content, story = "", 0
    while not len(windows_of(str(model), content, CONTEXT)):
        content += grammar.join(grammar.write(3, story))
        story += 1
    text.write_text(content, encoding="utf-8")
    study = yaml.safe_load(PHASE_2.read_text(encoding="utf-8")) | {
        "models": [{"name": size, "path": str(model), "dtype": dtype}],
        "text": {"name": "stories", "path": str(text)},
        "context": CONTEXT,
        "measure": ["perplexity"],
    }
    manifest.write_text(yaml.safe_dump(study), encoding="utf-8")
    return manifest, content


def compare(folder: Path, size: str, dtype: str, stored: str, cells: int) -> Comparison:
    """Both sides of a study that is written into `folder`, in turn: a cell by the suite, the same by the script."""
    manifest, text = write_study(folder, size, dtype, stored)
    model = folder / "model"
    windows = windows_of(str(model), text, CONTEXT)
    loaded = load_model(from_folder(size, model), dtype, "a benchmark")
    found = Comparison(dtype, stored)

    def theirs(record: Record) -> None:
        asked = record.experiment
        cell = Cell(str(model), asked.target, asked.sparsity, loaded.dtype)
        perplexity = cell.perplexity(windows)
        found.plain.append(cell.seconds)
        found.alike.append(likeness(cell, perplexity, record, loaded))

    found.suite = by_suite(manifest, cells, folder / "results", theirs).laps
    write_both(found, Cell(str(model), None, 0.0, loaded.dtype), loaded)
    loaded.close()
    return found


def write_both(found: Comparison, cell: Cell, loaded: LoadedModel) -> None:
    """Let the dense model continue a prompt by as many tokens on both sides, in turn."""
    prompt = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    for _ in range(REPEATS):
        theirs = cell.generate(prompt)
        started = time.perf_counter()
        ours, _, _ = greedy(loaded.model, prompt, NEW_TOKENS)
        found.writing.append((cell.seconds["generate"], time.perf_counter() - started))
        found.same_words = found.same_words and torch.equal(ours[0], theirs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=20, help="how many, the dense one among them, evenly chosen")
    parser.add_argument("--size", default="0.4B", choices=SIZES)
    parser.add_argument("--dtypes", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--stored", choices=["bfloat16", "float16"], help="in files; else as it runs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    if asked.cells < 2:
        parser.error(f"--cells {asked.cells} leaves nothing to prune; 2 are the fewest")
    if asked.stored and asked.dtypes != ["float32"]:
        parser.error("--stored is for --dtypes float32 alone, to which a cast keeps every value")
    print(f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}; {asked.size}")
    rows, found = list[Row](), dict[str, Comparison]()
    for dtype in asked.dtypes:
        if getattr(torch, dtype) not in native_dtypes(torch.device(DEVICE)):
            what = f"phase 2, {asked.size}, {dtype}, beside the plain script"
            why = f"no native {dtype} here"
            print(why)
            rows.append(row("study", what, [], "times", target=beside_script(dtype), note=why))
            continue
        with tempfile.TemporaryDirectory() as scratch:
            found[dtype] = one = compare(Path(scratch), asked.size, dtype, asked.stored or dtype, asked.cells)
        show(one)
        rows += rows_of(one, asked.size)
    if len(found) > 1:
        rows.append(across(found, asked.size))
        print(f"\n{rows[-1].what}: {rows[-1].value:.1f} times")
    if asked.json:
        figures("against_plain", rows, torch.get_num_threads()).write(asked.json)
    sys.exit("\n".join(filter(None, (one.trouble() for one in found.values()))) or 0)


if __name__ == "__main__":
    main()
