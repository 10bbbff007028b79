"""Benchmark: evaluating with the divergence from the dense model, beside the loop of a plain script.

The plain loop takes the logits of a whole window and their cross-entropy in float32 (`plain.py`), and no divergence.
Models of the shapes of SmolLM2 135M and Gemma 3 270M with random weights, float32, 2 windows of 512 tokens. `as before`
is the implementation that ran the dense head and its softmax again, by chunks of positions. All interleaved; shares of
the plain loop's time in the same round.

python ci/bench/divergence.py [--shapes "SmolLM2 135M" "Gemma 3 270M"] [--repeats 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from suite.bench.figures import Row, at_most, figures, row, told
from suite.bench.timing import seconds_of
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.evaluation.retained_malloc import retained_malloc
from suite.evaluation.softmax import in_pieces, softmax
from suite.machine import this_machine

CONTEXT, WINDOWS = 512, 2
AT_ONCE = 2**24  # logits, as before
SHAPES: dict[str, dict[str, Any]] = {
    "SmolLM2 135M": {
        "model_type": "llama", "vocab_size": 49_152, "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
    },
    "Gemma 3 270M": {
        "model_type": "gemma3_text", "vocab_size": 262_144, "hidden_size": 640, "intermediate_size": 2048,
        "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
        "tie_word_embeddings": True,
    },
}  # fmt: skip


def built(shape: str) -> PreTrainedModel:
    torch.manual_seed(0)
    config = AutoConfig.for_model(**SHAPES[shape])
    made = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    model: PreTrainedModel = made
    model.eval().requires_grad_(False)
    return model


@torch.no_grad()
def plain(model: PreTrainedModel, tokens: Tensor) -> Tensor:
    losses = []
    for window in tokens:
        logits = model(window[None]).logits[0].float()
        losses.append(functional.cross_entropy(logits[:-1], window[1:]))
    return torch.stack(losses).mean()


@torch.inference_mode()
def before(model: PreTrainedModel, tokens: Tensor, dense_states: Tensor) -> Tensor:
    """Agreements, KL and losses, summed."""
    head = model.get_output_embeddings()
    with retained_malloc():
        hidden = model.base_model(tokens, use_cache=False).last_hidden_state[:, :-1].flatten(0, 1)
    sums, positions = [], AT_ONCE // head.weight.shape[0]
    for parts in zip(*(a.split(positions) for a in (hidden, dense_states, tokens[:, 1:].flatten())), strict=True):
        logits, dense, wanted = head(parts[0]), head(parts[1]), parts[2]
        totals = torch.cat([softmax(piece).log_sum_exp for (piece,) in in_pieces(logits)])
        for ours, theirs, total in in_pieces(logits, dense, totals):
            agreed = (ours.argmax(-1) == theirs.argmax(-1)).sum(dtype=torch.float64)
            exponentials, summed, log_sum_exps = softmax(theirs)
            gaps = exponentials.mul_(theirs - ours).sum(-1, dtype=torch.float64) / summed
            sums.append(torch.stack([agreed, (gaps - log_sum_exps + total).sum()]))
        losses = totals - logits.gather(-1, wanted[:, None]).squeeze(-1)
        sums.append(torch.stack([losses.sum(), losses.sum()]))
    return torch.stack(sums).sum(0)


def ways(model: PreTrainedModel, tokens: Tensor) -> dict[str, Callable[[], object]]:
    """What is timed. The plain loop comes first."""
    head = model.get_output_embeddings()
    other_head = copy.deepcopy(head)  # the same values in a tensor of its own, as good as pruned here
    states, with_rows = DenseStates(), DenseStates(head.weight)
    token_losses(model, tokens, WINDOWS, observe=states)
    token_losses(model, tokens, WINDOWS, observe=with_rows)
    hidden = torch.cat([chunk.hidden for chunk in states.chunks])

    def evaluated(observe: Callable[[], DenseStates | Divergence]) -> Callable[[], object]:
        return lambda: token_losses(model, tokens, WINDOWS, observe=observe())

    return {
        "plain": lambda: plain(model, tokens),
        "dense": evaluated(DenseStates),
        "dense, and what divergence needs": evaluated(lambda: DenseStates(head.weight)),
        "pruned, with divergence": evaluated(lambda: Divergence(with_rows, head, same_head=True)),
        "pruned, its head too, with divergence": evaluated(lambda: Divergence(states, other_head)),
        "pruned, with divergence, as before": lambda: before(model, tokens, hidden),
    }


TARGETS = {
    "dense": at_most(1.0),
    "pruned, with divergence": at_most(1.05),
    "pruned, its head too, with divergence": at_most(1.05),
}


def rows(shapes: Sequence[str], repeats: int) -> Iterator[Row]:
    print(f"{this_machine().hardware}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for shape in shapes:
        model = built(shape)
        shown = torch.Generator().manual_seed(0)
        tokens = torch.randint(model.config.vocab_size, (WINDOWS, CONTEXT), generator=shown)
        timed = ways(model, tokens)
        for work in timed.values():
            work()
        rounds = [[seconds_of(work, model.device) for work in timed.values()] for _ in range(repeats)]
        for place, way in list(enumerate(timed))[1:]:
            what = f"{shape}'s shape, float32, {way}, of the plain script's time"
            shares = [taken[place] / taken[0] for taken in rounds]
            yield told(row("evaluate", what, shares, "share", target=TARGETS.get(way)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", choices=SHAPES, nargs="+", default=list(SHAPES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    made = figures("divergence", rows(asked.shapes, asked.repeats), torch.get_num_threads())
    if asked.json:
        made.write(asked.json)


if __name__ == "__main__":
    main()
