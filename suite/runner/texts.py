"""What a model reads: the text it is measured on, and those that it or a criterion learns from."""

from __future__ import annotations

from collections.abc import Iterable

from suite.data.windows import Windows, make_windows, token_ids
from suite.errors import InputError
from suite.manifest import Study
from suite.models.loading import load_tokenizer
from suite.models.source import ModelSource
from suite.records.experiment import Experiment, TextReference
from suite.runner.alteration import Lessons


def read(
    study: Study, model: ModelSource, experiment: Experiment, texts: Iterable[TextReference]
) -> tuple[Windows, Lessons]:
    """The study's text cut into windows, and the texts to learn from, all by the model's own tokenizer.

    Args:
        experiment: any of the model's, as all of them are evaluated on the same windows.

    Raises:
        InputError: a text cannot be had, or is too short.
    """
    tokenizer = load_tokenizer(model)
    ids = {text: token_ids(study.text_of(text), tokenizer, study.context + 1) for text in texts}
    try:
        windows = make_windows(study.text, tokenizer, study.context, experiment.windows, experiment.bos)
    except InputError as error:
        raise InputError(f"model {model.name!r}: {error}") from error
    return windows, Lessons(ids)
