"""A recipe: everything that decides a training, and so the model that comes out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suite import declared
from suite.errors import InputError
from suite.models import anatomy
from suite.records.experiment import digest


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Corpus(_Strict):
    """Training stories: numbers 0 to `stories` of the corpus `seed`; evaluation uses another seed."""

    seed: int = Field(default=1, ge=0)
    stories: int = Field(default=40_000, ge=100, le=10_000_000)


class Stage(_Strict):
    """A stretch of a training: `steps` of `batch` windows of `context` tokens.

    Windows start at random places, or at the starts of stories: with one whole story in sight, recall is learnt in a
    third of the time; the windows of the evaluation come after.
    """

    steps: int = Field(ge=1)
    context: int = Field(ge=8, le=65_536)
    batch: int = Field(ge=1)
    story_starts: bool = False


class Recipe(_Strict):
    """One training: stages over one stream of stories, AdamW, one linear warm-up and one linear decay.

    `recall_weight` multiplies the loss of the tokens to recall, which are learnt last. What kind a token is follows
    from the words before it, so the weight hurries the model along without moving the optimum: the grammar itself.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    architecture: dict[str, Any]
    corpus: Corpus = Corpus()
    stages: tuple[Stage, ...] = Field(min_length=1)
    learning_rate: float = Field(gt=0, lt=1)
    warmup_steps: int = Field(default=75, ge=1)
    decay_share: float = Field(default=0.5, gt=0, le=1)
    final_rate: float = Field(default=0.02, ge=0, le=1)
    recall_weight: float = Field(default=1.0, gt=0)
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(default=0.05, ge=0)
    gradient_norm: float = Field(default=1.0, gt=0)
    seed: int = Field(default=0, ge=0)
    threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _known_architecture(self) -> Recipe:
        try:
            anatomy.Anatomy({"vocab_size": 1, **self.architecture})
        except InputError as error:
            raise ValueError(str(error)) from error
        except KeyError as error:
            raise ValueError(f"architecture: the key {error} is missing") from error
        return self

    @property
    def digest(self) -> str:
        return digest(self.model_dump(mode="json"))

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    @property
    def tokens(self) -> int:
        """Tokens seen, windows counted whole."""
        return sum(stage.steps * stage.batch * stage.context for stage in self.stages)

    @property
    def context(self) -> int:
        """The longest window."""
        return max(stage.context for stage in self.stages)

    def stage(self, step: int) -> Stage:
        """The stage a step (from 0) belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError(f"the training has {self.steps} steps")

    def rate(self, step: int) -> float:
        """The learning rate's share at a step (from 0): up over the warm-up, flat, then down to `final_rate`."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        decay_start = self.steps * (1 - self.decay_share)
        left = (self.steps - step) / (self.steps - decay_start)
        return warm * min(1.0, max(self.final_rate, left))


def read_recipe(path: Path) -> Recipe:
    data, positions = declared.load(path)
    return declared.parse(Recipe, data, positions, "a recipe")
