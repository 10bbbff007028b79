"""All prompts run as one batch, and each is continued as if it were alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedModel

from suite.data.catalogue import TEXTS
from suite.evaluation import coherence, generation, writing
from suite.evaluation.perplexity import token_losses
from suite.evaluation.writing import Written, continued, held_against_alone, write
from suite.models.loading import LoadedModel, load_model
from suite.models.source import from_catalogue, from_folder
from suite.protocol import NEW_TOKENS
from suite.records.schema import Sample

STORIES = TEXTS["stories"].grammar
FIVE = ("story-mistral", "story-qwen", "story-qwen-tied", "story-llama", "story-phi")
LENGTHS = (7, 1, 12, 5, 7, 30, 2)


def alone(model: PreTrainedModel, prompt: list[int], count: int) -> list[int]:
    """What transformers' own generation adds to a prompt."""
    written = model.generate(torch.tensor([prompt]), max_new_tokens=count, min_new_tokens=count, do_sample=False)
    return written[0, len(prompt) :].tolist()


@pytest.mark.parametrize("name", FIVE)
def test_a_batch_of_different_lengths_is_written_as_generate_writes_each_prompt(name: str) -> None:
    """Mistral, Qwen2 with biases, Qwen2 tied, Llama, Phi; a prompt of one token among them."""
    loaded = load_model(from_catalogue(name), "float32", "a test")
    assert STORIES
    text = loaded.tokenizer("".join(coherence.prompts_of(STORIES.write(), 12)))["input_ids"]
    prompts = [text[index : index + length] for index, length in enumerate(LENGTHS)]
    together = continued(loaded.model, prompts, 40)
    assert together == [alone(loaded.model, prompt, 40) for prompt in prompts]
    assert len({tuple(tokens) for tokens in together}) > 3


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_window_of_attention_and_the_kind_of_attention_change_nothing_of_it(attention: str) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}
    config = MistralConfig(vocab_size=200, num_key_value_heads=2, sliding_window=6, **sizes)
    config._attn_implementation = attention
    model = MistralForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    prompts = [torch.randint(3, 200, (length,)).tolist() for length in LENGTHS]
    assert continued(model, prompts, 20) == [alone(model, prompt, 20) for prompt in prompts]


@pytest.fixture(scope="module")
def loaded(mistral: Path) -> LoadedModel:
    return load_model(from_folder("m", mistral), "float32", "a test")


def test_prompts_of_one_length_are_written_as_by_the_timed_loop(loaded: LoadedModel) -> None:
    prompts = torch.randint(0, 100, (5, 7), generator=torch.Generator().manual_seed(0))
    expected, _, _ = generation.greedy(loaded.model, prompts, 20)
    assert continued(loaded.model, prompts.tolist(), 20) == expected.tolist()


def test_a_batch_is_no_larger_than_its_keys_and_values_may_be(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = ["\nAnna was a brave baker.", "\nAnna was", "\nLeo was a proud smith.", "\nLeo"]
    whole = write(loaded.model, loaded.tokenizer, prompts, 20)
    batches = []

    def noted(model: PreTrainedModel, some: list[list[int]], count: int) -> list[list[int]]:
        batches.append(len(some))
        return continued(model, some, count)

    longest = max(len(one.prompt_ids) for one in whole) + 20
    width, heads, layers, float32 = 4, 2, 3, 4
    monkeypatch.setattr(writing, "continued", noted)
    monkeypatch.setattr(writing, "CACHE_BYTES", 3 * (2 * layers * heads * width * longest * float32))
    assert write(loaded.model, loaded.tokenizer, prompts, 20) == whole
    assert batches == [3, 1]


def test_it_is_counted_what_a_batch_writes_otherwise(loaded: LoadedModel) -> None:
    """In float32 the prompt that was timed is compared; in bfloat16 three more, from the shortest to the longest."""
    for dtype, compared in (("float32", 1), ("bfloat16", 4)):
        model = loaded.model.to(getattr(torch, dtype))
        prompts = [torch.randint(0, 100, (length,)).tolist() for length in LENGTHS]
        rows = [Written(prompt, alone(model, prompt, 9), Sample(prompt="", text="")) for prompt in prompts]
        timed = rows[0].new_ids
        held = held_against_alone(model, rows, timed)
        found = [one for one in held if one.alone_ids is not None]
        assert len(found) == compared and all(one.alone_ids == one.new_ids for one in found)
        assert [one.new_ids for one in held] == [one.new_ids for one in rows]
        if compared > 1:
            assert {1, 7, 30} <= {len(one.prompt_ids) for one in found}
        other = held_against_alone(model, rows, [timed[0] + 1, *timed[1:]])[0]
        assert other.alone_ids != other.new_ids
        timing = generation.Timing(model, prompts[0], 9)
        timing.block()
        assert timing.new_ids == timed
        section = generation.section(timing, None, [other, *held[1:]])
        assert (section.also_alone, section.differing, section.new_tokens) == (compared, 1, 9)
    loaded.model.to(torch.float32)


def test_two_prompts_can_be_held_against_alone(loaded: LoadedModel) -> None:
    model = loaded.model.to(torch.bfloat16)
    for count in (1, 2):
        rows = [Written([5 + i], alone(model, [5 + i], 4), Sample(prompt="", text="")) for i in range(count)]
        assert all(one.alone_ids == one.new_ids for one in held_against_alone(model, rows, rows[0].new_ids))
    loaded.model.to(torch.float32)


def test_samples_of_different_lengths_are_judged_as_each_alone(loaded: LoadedModel) -> None:
    generator = torch.Generator().manual_seed(0)
    ids = [torch.randint(0, 100, (length + 20,), generator=generator).tolist() for length in LENGTHS]
    written = [
        Written(one[:length], one[length:], Sample(prompt="", text=""))
        for one, length in zip(ids, LENGTHS, strict=True)
    ]
    losses = [
        token_losses(loaded.model, torch.tensor([one]), 1)[0, length - 1 :]
        for one, length in zip(ids, LENGTHS, strict=True)
    ]
    expected = torch.cat([torch.from_numpy(one) for one in losses]).mean().exp().item()
    assert coherence.judged(written, loaded.model) == pytest.approx(expected, rel=1e-6)


def test_every_prompt_that_ships_may_be_asked_for_and_leaves_room(loaded: LoadedModel) -> None:
    from suite.manifest.entries import GenerationEntry
    from suite.manifest.generated import PROMPT

    assert GenerationEntry().prompts == len(coherence.PROMPTS) == 32
    assert NEW_TOKENS == GenerationEntry().tokens == 50
    assert all(len(prompt) < PROMPT for prompt in coherence.PROMPTS)
    for text in TEXTS.values():
        if text.grammar:
            told = coherence.prompts_of(text.grammar.write())
            assert all(len(loaded.tokenizer(prompt)["input_ids"]) < PROMPT for prompt in told)
