"""The trainer: a recipe to a model directory, seeded, with progress, and resumed where it was left."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from suite import __version__
from suite.data import grammar
from suite.data.tokenizer import story_tokenizer
from suite.evaluation.retained_malloc import retained_malloc
from suite.training.recipe import Recipe

disable_progress_bar()  # the terminal is the command line's own

CHECKPOINT_EVERY = 100  # steps


@dataclass(frozen=True, slots=True)
class Step:
    """A finished step: its number (from 1), training loss in nats a token, and seconds spent so far."""

    number: int
    loss: float
    seconds: float


class Training:
    """One training under way. The batch of a step follows from the seed and the step alone, so that a resumed
    training sees what an undisturbed one would have."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        torch.set_num_threads(recipe.threads)
        self.tokenizer = story_tokenizer()
        self.stream, self.weights, self.starts = _stream(recipe, self.tokenizer)
        torch.manual_seed(recipe.seed)
        self.model: PreTrainedModel = AutoModelForCausalLM.from_config(
            model_config(recipe, len(self.tokenizer)), dtype=torch.float32, attn_implementation="sdpa"
        )
        matrices = [p for p in self.model.parameters() if p.ndim == 2]
        others = [p for p in self.model.parameters() if p.ndim != 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            betas=recipe.betas,
            fused=True,
        )
        self.done = 0
        self.seconds = 0.0
        self._resume()

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @retained_malloc()
    def run(self, report: Callable[[Step], None]) -> dict[str, Any]:
        """Train to the end, save the model beside its recipe, and return the training's log."""
        started = time.monotonic() - self.seconds
        losses: list[tuple[int, float]] = []
        self.model.train()
        for number in range(self.done + 1, self.recipe.steps + 1):
            loss = self._step(number - 1)
            self.done, self.seconds = number, time.monotonic() - started
            if number % CHECKPOINT_EVERY == 0 or number == self.recipe.steps:
                losses.append((number, loss))
                self._save_checkpoint()
            report(Step(number, loss, self.seconds))
        return self._finish(losses)

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Token ids, int64 [batch, context], and the loss weights of the predicted ones [batch, context - 1]."""
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
        stage = self.recipe.stage(step)
        latest = len(self.stream) - stage.context
        if stage.story_starts:
            starts = self.starts[self.starts <= latest]
            offsets = starts[torch.randint(len(starts), (stage.batch, 1), generator=generator)]
        else:
            offsets = torch.randint(latest, (stage.batch, 1), generator=generator)
        places = offsets + torch.arange(stage.context)
        return self.stream[places].long(), self.weights[places[:, 1:]]

    def _step(self, step: int) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self.recipe.rate(step)
        batch, weights = self._batch(step)
        logits = self.model(batch[:, :-1], use_cache=False).logits
        losses = functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="none")
        ((losses * weights.flatten()).sum() / weights.sum()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return losses.mean().item()

    def _save_checkpoint(self) -> None:
        state = {
            "recipe": self.recipe.digest,
            "done": self.done,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        temporary = self._checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self._checkpoint)

    def _resume(self) -> None:
        if not self._checkpoint.is_file():
            return
        state = torch.load(self._checkpoint, weights_only=True)
        if state["recipe"] != self.recipe.digest:
            return  # another recipe's: this training starts anew and writes over it
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.seconds = state["done"], state["seconds"]

    def _finish(self, losses: list[tuple[int, float]]) -> dict[str, Any]:
        # Stored in 16 bits: what is pruned and measured later is exactly what is in the file.
        self.model.half().save_pretrained(self.folder, safe_serialization=True)
        self.tokenizer.save_pretrained(self.folder)
        log = {
            "steps": self.recipe.steps,
            "tokens": self.recipe.tokens,
            "seconds": round(self.seconds, 1),
            "loss": [[step, round(loss, 5)] for step, loss in losses],
            "grammar_floor": round(grammar_floor(seed=self.recipe.corpus.seed), 5),
            "torch": torch.__version__,
            "suite": __version__,
        }
        (self.folder / "recipe.yaml").write_text(
            yaml.safe_dump(self.recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
        )
        (self.folder / "training.json").write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")
        self._checkpoint.unlink(missing_ok=True)
        return log


def model_config(recipe: Recipe, vocabulary: int) -> Any:
    """The transformers configuration of a recipe's architecture."""
    fields = {key: value for key, value in recipe.architecture.items() if key != "model_type"}
    return AutoConfig.for_model(
        recipe.architecture["model_type"],
        vocab_size=vocabulary,
        max_position_embeddings=max(512, recipe.context),
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        **fields,
    )


def grammar_floor(seed: int, stories: int = 500) -> float:
    """The grammar's own score on the first stories of a corpus, nats a token."""
    scored = [word.logprob for index in range(stories) for word in grammar.tell(seed, index)]
    return -math.fsum(scored) / len(scored)


def _stream(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> tuple[Tensor, Tensor, Tensor]:
    """The training text as one stream: token ids (int16), the weight of each token's loss (float32), and where each
    story starts (int64)."""
    ids = tokenizer.get_vocab()
    told = [grammar.tell(recipe.corpus.seed, index) for index in range(recipe.corpus.stories)]
    words = [word for story in told for word in story]
    weights = [recipe.recall_weight if word.kind == grammar.Kind.RECALL else 1.0 for word in words]
    lengths = torch.tensor([len(story) for story in told])
    return (
        torch.tensor([ids[word.word] for word in words], dtype=torch.int16),
        torch.tensor(weights),
        lengths.cumsum(0) - lengths,
    )
