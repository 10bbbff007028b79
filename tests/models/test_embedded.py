"""The models that ship have learnt the grammar, write it, and break when too much of them is deleted."""

from __future__ import annotations

import math

import pytest
import torch

from suite.data import grammar
from suite.data.grammar import HE, SHE, Kind
from suite.data.source import text_from_catalogue
from suite.data.windows import make_windows
from suite.evaluation.generation import greedy
from suite.evaluation.perplexity import token_losses
from suite.models.catalogue import EMBEDDED, embedded
from suite.models.loading import LoadedModel, load_model
from suite.models.pruned import pruned
from suite.models.source import from_catalogue
from suite.records.experiment import Experiment, TextReference
from suite.training.recipe import read_recipe

NAMES = (
    "story-llama",
    "story-mistral",
    "story-mistral-large",
    "story-mistral-small",
    "story-phi",
    "story-qwen",
    "story-qwen-tied",
)


@pytest.fixture(scope="module", params=NAMES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return load_model(from_catalogue(request.param), "float32", "a test")


def test_all_seven_ship_in_16_bits_and_24_mb() -> None:
    assert tuple(embedded()) == NAMES
    assert sum(path.stat().st_size for path in EMBEDDED.rglob("*") if path.is_file()) <= 24_000_000
    assert {from_catalogue(name).stored_dtype for name in NAMES} == {"float16"}


@pytest.mark.parametrize("name", NAMES)
def test_each_lies_beside_the_recipe_that_made_it(name: str) -> None:
    recipe = read_recipe(EMBEDDED / name / "recipe.yaml")
    assert recipe.name == name
    assert recipe.architecture["model_type"] == from_catalogue(name).config["model_type"]


def test_the_five_architectures_are_those_of_phase_3() -> None:
    kinds = {(from_catalogue(name).config["model_type"], from_catalogue(name).anatomy.tied) for name in NAMES}
    assert kinds == {("mistral", False), ("qwen2", False), ("qwen2", True), ("llama", True), ("phi", False)}


def test_dense_it_is_within_5_percent_of_the_floor_and_pruned_it_breaks(loaded: LoadedModel) -> None:
    windows = make_windows(text_from_catalogue("stories"), loaded.tokenizer, 256)
    labels = windows.labels
    assert labels is not None
    losses = token_losses(loaded.model, windows.tokens, 8)
    excess = (losses + labels.logprob)[labels.whole].mean()
    assert math.exp(excess) < 1.05
    experiment = Experiment(
        model="m", revision="r", criterion="magnitude", target="blocks", sparsity=0.9, context=256,
        text=TextReference(name="t", revision="r", join=""),
    )  # fmt: skip
    with pruned(loaded, experiment):
        broken = token_losses(loaded.model, windows.tokens[:10], 8)
    assert broken.mean() - losses[:10].mean() > math.log(2)


def test_dense_it_writes_stories_the_parser_accepts(loaded: LoadedModel) -> None:
    """Greedily, from an opening sentence for every hero, trait and three jobs; 95 % or more are whole and right."""
    openings = [
        ["\n", hero, "was", "a", trait, job, "."]
        for hero in SHE + HE
        for trait in grammar.TRAITS[:4]
        for job in list(grammar.JOBS)[:3]
    ]
    ids = torch.tensor([loaded.tokenizer.convert_tokens_to_ids(words) for words in openings])
    new, _, _ = greedy(loaded.model, ids, 72)
    accepted = 0
    for opening, row in zip(openings, new.tolist(), strict=True):
        words = opening[1:] + loaded.tokenizer.convert_ids_to_tokens(row)
        story = words[: words.index(grammar.END) + 1] if grammar.END in words else words
        try:
            accepted += grammar.score(story)[-1].word == grammar.END
        except grammar.Fault:
            continue
    assert accepted / len(openings) >= 0.95


def test_it_remembers_and_it_knows(loaded: LoadedModel) -> None:
    windows = make_windows(text_from_catalogue("stories"), loaded.tokenizer, 256)
    assert windows.labels is not None
    losses = token_losses(loaded.model, windows.tokens[:20], 8)
    for kind in (Kind.RECALL, Kind.FACT, Kind.AGREEMENT):
        chosen = (windows.labels.kind[:20] == str(kind)) & windows.labels.whole[:20]
        assert losses[chosen].mean() < 0.02
