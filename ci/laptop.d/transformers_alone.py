"""Two cells of the laptop study by a plain script of transformers and torch, beside the records that ship.

The GGUF file is read by transformers. Of each linear layer the round(s * n) weights of smallest magnitude go, of equal
ones those that come first. Perplexity is over the 16 windows of 2,048 tokens in the middle of 16 equal stretches of the
text, log-softmax in float64. `all` is every linear layer with the head, which becomes a layer of its own.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch.nn import Linear, functional
from transformers import AutoModelForCausalLM, AutoTokenizer

SHIPPED = Path(__file__).parents[2] / "manifests" / "reference" / "laptop"
NAME, CONTEXT, WINDOWS = "smollm2-135m-instruct", 2048, 16
CELLS = (("blocks", 0.3), ("all", 0.2))
TEXT = "wikitext2-raw-test.rows.json"
DIGITS = 6


def gguf() -> Path:
    """The model's file in the suite's cache, which fetched it from a package."""
    from suite.gguf.cache import located
    from suite.models.source import from_catalogue

    return Path(located(from_catalogue(NAME)))


def text() -> str:
    for folder in os.environ["LOTTERY_DATA"].split(":"):
        for path in Path(folder).rglob(TEXT):
            return "\n\n".join(json.loads(path.read_text(encoding="utf-8")))
    raise SystemExit(f"no {TEXT} in LOTTERY_DATA")


def windows(tokenizer: Any) -> torch.Tensor:
    ids = torch.tensor(tokenizer(text(), verbose=False)["input_ids"])
    whole = ids[: len(ids) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    return whole[[(2 * i + 1) * len(whole) // (2 * WINDOWS) for i in range(WINDOWS)]]


def prune(model: Any, target: str, sparsity: float) -> None:
    """Set weights of the linear layers to zero, in place."""
    if target == "all":
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    for name, layer in model.named_modules():
        if isinstance(layer, Linear) and (target == "all" or name != "lm_head"):
            weight = layer.weight.detach().view(-1)
            order = weight.abs().sort(stable=True).indices
            weight[order[: round(sparsity * weight.numel())]] = 0


@torch.inference_mode()
def perplexity(model: Any, tokens: torch.Tensor) -> float:
    losses = [
        functional.cross_entropy(model(window[None], use_cache=False).logits[0, :-1].double(), window[1:])
        for window in tokens
    ]
    return math.exp(float(torch.stack(losses).mean()))


def recorded(target: str, sparsity: float) -> float:
    for path in SHIPPED.glob("*.json"):
        asked = (record := json.loads(path.read_text(encoding="utf-8"))).get("experiment", {})
        place = [asked.get(key) for key in ("model", "criterion", "target", "sparsity", "budget", "sequential")]
        if place == [NAME, "magnitude", target, sparsity, None, None]:
            return float(record["perplexity"]["value"])
    raise SystemExit(f"{SHIPPED} has no cell of {NAME}, {target} at {sparsity}")


def main() -> None:
    path = gguf()
    print(f"{path.name}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}")
    tokens = windows(AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name))
    dense = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    wrong = 0
    for target, sparsity in CELLS:
        model = copy.deepcopy(dense)
        prune(model, target, sparsity)
        ours, theirs = recorded(target, sparsity), perplexity(model, tokens)
        alike = f"{ours:.{DIGITS}g}" == f"{theirs:.{DIGITS}g}"
        wrong += not alike
        said = "the same" if alike else "NOT the same"
        print(
            f"{NAME}, {target} at {sparsity:.0%}: {ours:.8g} recorded, {theirs:.8g} by the plain script: {said}",
            flush=True,
        )
    if wrong:
        raise SystemExit(f"{wrong} of {len(CELLS)} cells differ in their first {DIGITS} digits")


if __name__ == "__main__":
    main()
