"""Benchmark: peak memory of evaluating one window of 2048 tokens, beside what the usual script takes, in one run.

The usual script is `model(tokens, labels=tokens).loss`, which holds the logits of the whole window in float32. Each
measurement has a process of its own; a model of two narrow blocks, so that the head is what costs.

python ci/bench/evaluate_memory.py
"""

from __future__ import annotations

import multiprocessing

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from suite.evaluation import memory
from suite.evaluation.divergence import DenseStates, Divergence
from suite.evaluation.perplexity import token_losses
from suite.machine import this_machine

CONTEXT = 2048
VOCABULARIES = (32_000, 151_936)
DTYPES = ("float32", "bfloat16", "float16")


WAYS = ("dense", "pruned", "usual")


def peak(vocabulary: int, dtype: str, way: str) -> int:
    """Bytes that the resident set grew by at most, over the model and a warm-up on 16 tokens."""
    config = AutoConfig.for_model(
        "mistral",
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype), attn_implementation="sdpa").eval()
    tokens = torch.randint(vocabulary, (1, CONTEXT), generator=torch.Generator().manual_seed(0))
    model(tokens[:, :16], labels=tokens[:, :16])
    states = DenseStates()
    if way == "pruned":  # the dense model's predictions are computed beside its own
        token_losses(model, tokens, 1, observe=states)
    before = memory.resident()
    memory.reset_peaks()
    if way == "usual":
        with torch.inference_mode():
            model(tokens, labels=tokens)
    else:
        token_losses(model, tokens, 1, observe=Divergence(states, model.lm_head) if way == "pruned" else states)
    high = memory.peaks(model.device).rss_bytes
    if high is None or before is None:
        raise SystemExit("the peak of the resident set cannot be reset here (Linux lets it)")
    return high - before


def main() -> None:
    print(f"{this_machine().hardware}, torch {torch.__version__}, one window of {CONTEXT} tokens, MB over the model")
    print(f"{'vocabulary':>10} {'dtype':9} {'dense':>7} {'pruned':>7} {'usual':>7} {'all logits in float32':>22}")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for vocabulary in VOCABULARIES:
            for dtype in DTYPES:
                found = [pool.apply(peak, (vocabulary, dtype, way)) / 1e6 for way in WAYS]
                shown = " ".join(f"{value:7.0f}" for value in found)
                print(f"{vocabulary:10,} {dtype:9} {shown} {CONTEXT * vocabulary * 4 / 1e6:22.0f}", flush=True)


if __name__ == "__main__":
    main()
