"""What is written is the model's own greedy choice, and the verdict on it can be followed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from suite.data import grammar
from suite.data.catalogue import TEXTS
from suite.evaluation import coherence, generation
from suite.evaluation.coherence import Writing, distinct_bigrams, faulty, repeated_4grams, verdict
from suite.evaluation.writing import write
from suite.models.loading import LoadedModel, load_model
from suite.models.source import from_folder
from suite.protocol import NEW_TOKENS, TIMING_REPEATS

GRAMMAR_TEXTS = {name: text.grammar for name, text in TEXTS.items() if text.grammar}
STORIES = GRAMMAR_TEXTS["stories"]


@pytest.fixture(scope="module")
def loaded(mistral: Path) -> LoadedModel:
    return load_model(from_folder("m", mistral), "float32", "a test")


def test_greedy_writes_what_transformers_generate_writes(loaded: LoadedModel) -> None:
    prompts = torch.tensor(
        [loaded.tokenizer(prompt)["input_ids"] for prompt in coherence.prompts_of(STORIES.write(), 3)]
    )
    ours, prefill, decode = generation.greedy(loaded.model, prompts)
    theirs = loaded.model.generate(prompts, max_new_tokens=50, min_new_tokens=50, do_sample=False)
    assert torch.equal(ours, theirs[:, prompts.shape[1] :])
    assert prefill > 0
    assert decode > 0


def test_prompts_of_different_lengths_are_written_as_if_alone(loaded: LoadedModel) -> None:
    prompts = ["\nAnna was a brave baker.", "\nAnna was", "\nLeo was a proud smith."]
    together = write(loaded.model, loaded.tokenizer, prompts)
    alone = [write(loaded.model, loaded.tokenizer, [prompt])[0] for prompt in prompts]
    assert [written.new_ids for written in together] == [written.new_ids for written in alone]
    assert all(len(written.new_ids) == NEW_TOKENS for written in together)
    for written in together:
        whole = loaded.tokenizer.decode(written.prompt_ids + written.new_ids)
        assert whole == loaded.tokenizer.decode(written.prompt_ids) + written.sample.text


def test_speed_comes_with_its_spread(loaded: LoadedModel) -> None:
    timing = generation.Timing(loaded.model, [1, 2, 3])
    timing.block()
    timing.block()
    assert timing.board is None
    for speed in (timing.prefill, timing.decode):
        assert speed.blocks == 2
        assert speed.repeats == len(speed.values) == 2 * TIMING_REPEATS >= 10
        assert 0 < speed.quartiles[0] <= speed.median <= speed.quartiles[1] <= speed.p99


def test_loops_and_monotony_are_counted() -> None:
    assert repeated_4grams([1, 2, 3, 4, 5, 6]) == 0.0
    assert repeated_4grams([1] * 10) == pytest.approx(6 / 7)
    assert repeated_4grams([1, 2]) == 0.0
    assert distinct_bigrams([1, 2, 3]) == 1.0
    assert distinct_bigrams([1, 2, 1, 2, 1]) == 0.5


DENSE = Writing(repeated_4grams=0.05, distinct_2=0.9, judge_perplexity=4.0, faults=1, samples=32)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "coherent"),
        ({"repeated_4grams": 0.3}, "degraded"),
        ({"repeated_4grams": 0.9}, "incoherent"),
        ({"distinct_2": 0.6}, "degraded"),
        ({"distinct_2": 0.2}, "incoherent"),
        ({"judge_perplexity": 15.0}, "degraded"),
        ({"judge_perplexity": 1.01}, "degraded"),
        ({"judge_perplexity": 500.0}, "incoherent"),
        ({"faults": 8}, "degraded"),
        ({"faults": 32}, "degraded"),
    ],
)
def test_the_verdict_is_relative_to_the_dense_model_and_two_sided(changes: dict[str, float], expected: str) -> None:
    fields = {name: getattr(DENSE, name) for name in Writing.__slots__}
    assert verdict(Writing(**{**fields, **changes}), DENSE) == expected


def test_the_judge_reads_only_what_was_written(loaded: LoadedModel) -> None:
    written = write(loaded.model, loaded.tokenizer, ["\nAnna was a brave baker."])
    ids = torch.tensor([written[0].prompt_ids + written[0].new_ids])
    with torch.inference_mode():
        shares = loaded.model(ids).logits.log_softmax(-1)
    new = [float(shares[0, place - 1, ids[0, place]]) for place in range(len(written[0].prompt_ids), ids.shape[1])]
    assert coherence.judged(written, loaded.model) == pytest.approx(math.exp(-sum(new) / len(new)), rel=1e-4)


def test_the_parser_accepts_cut_stories_and_finds_faults() -> None:
    words = [word for index in range(3) for word in grammar.write(2, index)]
    text = grammar.END + grammar.join(words[:100])
    assert not faulty(text)
    assert faulty(text.replace("took", "lost", 1))
    assert faulty(text + "\n\nAnna")


def test_short_stories_are_held_against_short_ones() -> None:
    whole, short = (
        grammar.join([word for index in range(3) for word in grammar.write(2, index, short)][:100])
        for short in (False, True)
    )
    assert not faulty(short, short=True)
    assert faulty(short)
    assert faulty(whole, short=True)


def test_there_are_32_prompts_or_more() -> None:
    assert len(coherence.PROMPTS) >= 32
    assert len(set(coherence.PROMPTS)) == len(coherence.PROMPTS)
    for text in GRAMMAR_TEXTS.values():
        assert len(set(coherence.prompts_of(text.write()))) >= 32
