"""A network so small that a training of it takes a second, and what it learns from."""

from __future__ import annotations

from functools import cache

import torch

from suite.data.source import text_from_catalogue
from suite.data.tokenizer import story_tokenizer
from suite.models.source import from_architecture
from suite.records.experiment import Experiment, Training
from suite.training.data import HeldOut, TrainingData, held_out_of, training_data
from suite.training.levels import sibling, stands_on
from suite.training.ticket import Done, Ended, Subject, train

CPU = torch.device("cpu")
CONTEXT = 40
SOURCE = from_architecture(
    "net",
    {
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "tie_word_embeddings": True,
    },
)
WEIGHTS = SOURCE.anatomy.block_weights


@cache
def data() -> TrainingData:
    return training_data(text_from_catalogue("short-stories-training"), story_tokenizer(), CONTEXT, 5.0)


@cache
def held_out() -> HeldOut:
    whole = held_out_of(text_from_catalogue("short-stories"), story_tokenizer(), CONTEXT)
    return HeldOut(whole.windows[:32], whole.floor, whole.text_sha256, whole.tokenizer_sha256)


def dense(seed: int = 0, steps: int = 24) -> Experiment:
    return Experiment(
        model=SOURCE.name,
        revision=SOURCE.revision,
        criterion="none",
        precision="float32",
        text=text_from_catalogue("short-stories").reference,
        context=CONTEXT,
        seed=seed,
        measure=(),
        training=Training(
            arm="dense",
            pruned=0.5,
            text=text_from_catalogue("short-stories-training").reference,
            steps=steps,
            batch=4,
            learning_rate=0.01,
            recall_weight=5.0,
        ),
    )


def training(**changes: object) -> Experiment:
    """Any training of the same search."""
    return sibling(dense(), WEIGHTS, **changes)


@cache
def ended(experiment: Experiment) -> Ended:
    """The end of a training and, before it, of all it stands on."""
    return trained(experiment).ended


@cache
def trained(experiment: Experiment) -> Done:
    return train([subject(experiment)], data(), held_out(), CPU, "eager", lambda *_: None)[0]


def subject(experiment: Experiment) -> Subject:
    behind = {name: ended(one) for name, one in stands_on(experiment, WEIGHTS).items()}
    return Subject(experiment, SOURCE.config, behind)
