"""The plain script: what one writes first to prune a language model layer by layer and to see what is left of it.

    python ci/bench/plain.py MODEL TEXT --target attention --sparsity 0 0.3 0.5 [--dtype float32] [--generate]

MODEL is a folder or a name that transformers loads, TEXT a text file. `against_plain.py` holds the suite against it.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PROMPT = "Once there was a brave baker."
NEW_TOKENS = 50


class Cell:
    """One experiment: the model as pruned, what was measured, and the seconds of each stage."""

    def __init__(self, folder: str, target: str | None, sparsity: float, dtype: torch.dtype) -> None:
        self.seconds: dict[str, float] = {}
        with self.timed("load"):
            model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
            self.model = model.to(DEVICE).eval()
        if target:
            with self.timed("prune"):
                for layer in layers(self.model, target):
                    prune.l1_unstructured(layer, "weight", amount=sparsity)
                    prune.remove(layer, "weight")

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        self.seconds[stage] = time.perf_counter() - started

    @torch.no_grad()
    def perplexity(self, windows: Tensor) -> float:
        """Of token ids, int64 [windows, context]."""
        with self.timed("evaluate"):
            losses = []
            for window in windows.to(DEVICE):
                logits = self.model(window[None]).logits[0].float()
                losses.append(functional.cross_entropy(logits[:-1], window[1:]))
            return math.exp(torch.stack(losses).mean())

    def generate(self, prompt: Tensor) -> Tensor:
        """Continue token ids, int64 [1, length], greedily; int64 [NEW_TOKENS]."""
        with self.timed("generate"):
            asked = {"min_new_tokens": NEW_TOKENS, "max_new_tokens": NEW_TOKENS, "do_sample": False}
            ids = prompt.to(DEVICE)
            written: Tensor = self.model.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=0, **asked)
            return written[0, prompt.shape[1] :].cpu()


def layers(model: Any, target: str) -> list[nn.Module]:
    """The layers that a target is made of."""
    if target in ("embeddings", "lm_head"):
        return [model.get_input_embeddings() if target == "embeddings" else model.lm_head]
    blocks = model.model.layers
    half = len(blocks) // 2
    chosen = {"early": blocks[:half], "late": blocks[half:]}.get(target, blocks)
    within = {"attention": "self_attn", "mlp": "mlp"}.get(target, "")
    named = [pair for block in chosen for pair in block.named_modules()]
    linear: list[nn.Module] = [module for name, module in named if isinstance(module, nn.Linear) and within in name]
    return [*linear, model.lm_head] if target == "all" else linear


def windows_of(folder: str, text: str, context: int) -> Tensor:
    """The text's tokens in windows that do not overlap, the tail dropped: int64 [windows, context]."""
    ids = torch.tensor(PreTrainedTokenizerFast.from_pretrained(folder)(text, verbose=False)["input_ids"])
    return ids[: len(ids) // context * context].view(-1, context)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("text", type=Path)
    parser.add_argument("--target", default="all")
    parser.add_argument("--sparsity", type=float, nargs="+", default=[0.5])
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--generate", action="store_true")
    asked = parser.parse_args()
    windows = windows_of(asked.model, asked.text.read_text(encoding="utf-8"), asked.context)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(asked.model)
    for sparsity in asked.sparsity:
        cell = Cell(asked.model, asked.target if sparsity else None, sparsity, getattr(torch, asked.dtype))
        print(f"{asked.target} {sparsity:.0%}: perplexity {cell.perplexity(windows):.4f}")
        if asked.generate:
            print(tokenizer.decode(cell.generate(tokenizer(PROMPT, return_tensors="pt")["input_ids"])))
        print(", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in cell.seconds.items()))


if __name__ == "__main__":
    main()
