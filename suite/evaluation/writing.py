"""What the model writes: all prompts continued in a batch, greedily, by a fixed number of new tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from suite.evaluation.retained_malloc import retained_malloc
from suite.protocol import ALONE, NEW_TOKENS
from suite.records.schema import Sample

CACHE_BYTES = 2**30  # of keys and values in a batch: 32 prompts and 50 tokens take less of any model of 7B


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt's continuation: token ids of both, and the text of both; `alone_ids` are the new tokens where the
    prompt was also continued without the others, else None."""

    prompt_ids: list[int]
    new_ids: list[int]
    sample: Sample
    alone_ids: list[int] | None = None


@torch.inference_mode()
def continued(model: PreTrainedModel, prompts: Sequence[Sequence[int]], new_tokens: int) -> list[list[int]]:
    """Continue prompts of any lengths greedily as one batch, each by `new_tokens`, the end token or not.

    The batch begins as long as the shortest prompt. From there every row goes on a token at a step: its prompt's next
    while there is one, then the model's choice. So nothing is padded, and no row sees a mask or positions other than
    alone; for a step more for each token by which the longest prompt is longer.

    Args:
        prompts: token ids, one or more a prompt.

    Returns:
        The new tokens of each prompt.
    """
    lengths = [len(prompt) for prompt in prompts]
    shortest, end = min(lengths), max(lengths) + new_tokens
    text = torch.full((len(prompts), end), -1)  # -1 where the model chooses
    for row, prompt in zip(text, prompts, strict=True):
        row[: len(prompt)] = torch.tensor(prompt)
    text = text.to(model.device)
    step = model(text[:, :shortest], use_cache=True, logits_to_keep=1)
    text = text.to(step.logits.device)  # a model that is spread may have its head elsewhere
    for place in range(shortest, end):
        chosen = step.logits[:, -1].argmax(-1)
        text[:, place] = torch.where(text[:, place] < 0, chosen, text[:, place])
        if place + 1 < end:
            token = text[:, place : place + 1]
            step = model(token, past_key_values=step.past_key_values, use_cache=True, logits_to_keep=1)
    rows = text.tolist()
    return [row[length : length + new_tokens] for row, length in zip(rows, lengths, strict=True)]


@retained_malloc()
def write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    new_tokens: int = NEW_TOKENS,
) -> list[Written]:
    """Continue every prompt: all in one batch, or in several where the keys and values of all would be too large."""
    encoded = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))  # so that a batch is of like lengths
    rows = _rows_at_once(model, len(encoded[order[-1]]) + new_tokens)
    new: dict[int, list[int]] = {}
    for start in range(0, len(order), rows):
        batch = order[start : start + rows]
        new.update(zip(batch, continued(model, [encoded[index] for index in batch], new_tokens), strict=True))
    return [
        Written(encoded[index], new[index], Sample(prompt=prompt, text=_text(tokenizer, encoded[index], new[index])))
        for index, prompt in enumerate(prompts)
    ]


def _rows_at_once(model: PreTrainedModel, places: int) -> int:
    """How many prompts a batch may have, each with the keys and values of so many places."""
    config = model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    row: int = 2 * config.num_hidden_layers * heads * width * places * model.dtype.itemsize
    return max(1, CACHE_BYTES // row)


def held_against_alone(model: PreTrainedModel, written: Sequence[Written], timed: list[int]) -> list[Written]:
    """What was written, some of it with the tokens that the model writes without the other prompts.

    Products of a batch round otherwise than those of a row, which seldom decides a token in float32. So there only the
    first prompt is compared, which ran alone to be timed; in narrower dtypes ALONE prompts from the shortest to the
    longest are, the first among them.

    Args:
        timed: the tokens that continued the first prompt alone.
    """
    found = list(written)
    found[0] = replace(found[0], alone_ids=timed)
    if model.dtype == torch.float32:
        return found
    others = sorted(range(1, len(found)), key=lambda index: len(found[index].prompt_ids))
    more = min(ALONE - 1, len(others))
    for index in {others[round(i * (len(others) - 1) / max(more - 1, 1))] for i in range(more)}:
        one = found[index]
        (alone,) = continued(model, [one.prompt_ids], len(one.new_ids))
        found[index] = replace(one, alone_ids=alone)
    return found


def _text(tokenizer: PreTrainedTokenizerBase, prompt: list[int], new: list[int]) -> str:
    """The text the new tokens add (decoded with the prompt, so that spaces between the two are kept)."""
    before, whole, alone = (str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in (prompt, prompt + new, new))
    return whole[len(before) :] if whole.startswith(before) else alone
