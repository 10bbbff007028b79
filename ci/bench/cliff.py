"""Benchmark: searches for a cliff whose steps stop early, beside the same on the whole text at each step.

Both are run as `lottery run` runs them, one after the other, into folders of their own. They must find the same
crossings. The share is of the tokens that pruned experiments evaluated, and of their time.

python ci/bench/cliff.py [--model story-mistral] [--context 128] [--windows N] [--repeats 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from suite.bench.figures import Row, at_most, figures, row, told
from suite.machine import this_machine
from suite.manifest import read_study
from suite.manifest.cliff import Known
from suite.models.catalogue import embedded
from suite.protocol import FACTORS
from suite.records import Store
from suite.runner.run import Run

TOKENS = at_most(0.5)  # of those of the search on the whole text, where the text has 100 windows or more
MANIFEST = """title: A search for a cliff
models: {model}
text: {text}
context: {context}
windows: {windows}
experiments: [{{target: all, cliff: {{factors: {factors}, whole: {whole}}}, measure: perplexity}}]
"""


class Silent:
    """An observer that says nothing."""

    def __getattr__(self, _: str) -> object:
        return lambda *_: None


def searched(folder: Path, model: str, context: int, windows: int | None, whole: bool) -> tuple[object, int, float]:
    """Run a search.

    Returns:
        Where the factors are crossed, the windows that were evaluated, and the seconds of its experiments.

    Raises:
        SystemExit: an experiment failed.
    """
    text = "stories" if model in embedded() else "wikitext-2"
    path = folder / "cliff.yaml"
    settings = {"model": model, "text": text, "context": context, "windows": windows or "null"}
    said = MANIFEST.format(whole=str(whole).lower(), factors=list(FACTORS), **settings)
    path.write_text(said, encoding="utf-8")
    study, store = read_study(path), Store(folder / "results")
    if Run(study, store, Silent())().failed:  # type: ignore[arg-type]
        raise SystemExit("an experiment failed")
    records = [record for one in store.paths if (record := store.read(one.stem)) and not record.experiment.dense]
    known = Known.of(records)
    found = [max((s for s, ratio in known.ratios.items() if ratio <= factor), default=0.0) for factor in FACTORS]
    parts = [record.sequential or record.perplexity for record in records]
    seconds = sum(record.environment.seconds for record in records)
    return found, sum(part.windows for part in parts if part), seconds


def rows(asked: argparse.Namespace) -> Iterator[Row]:
    """Every figure.

    Raises:
        SystemExit: the two do not find the same.
    """
    print(f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    tokens, seconds, note = [], [], ""
    for _ in range(asked.repeats):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            settings = asked.model, asked.context, asked.windows
            whole, early = searched(Path(one), *settings, whole=True), searched(Path(other), *settings, whole=False)
        if whole[0] != early[0]:
            raise SystemExit(f"one finds {whole[0]}, the other {early[0]}")
        tokens.append(early[1] / whole[1])
        seconds.append(early[2] / whole[2])
        note = f"{early[1]} of {whole[1]} windows, the same crossings: above {whole[0]}"
    what = f"cliff of {asked.model}, all, windows of {asked.context}"
    yield told(row("study", f"{what}, tokens of those on the whole text", tokens, "share", target=TOKENS, note=note))
    yield told(row("study", f"{what}, seconds of those on the whole text", seconds, "share"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="story-mistral", help="of the catalogue")
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--windows", type=int, help="so many, spread evenly over the text; by default all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    made = figures("cliff", rows(asked), torch.get_num_threads())
    if asked.json:
        made.write(asked.json)


if __name__ == "__main__":
    main()
