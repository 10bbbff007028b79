"""What a model reads: the text it is measured on, and those that it or a criterion learns from."""

from __future__ import annotations

from collections.abc import Iterable

from suite.data.drawn import DrawnDocuments
from suite.data.windows import Windows, make_windows, token_ids
from suite.errors import InputError
from suite.manifest import Study
from suite.models.loading import load_tokenizer
from suite.models.source import ModelSource
from suite.records.experiment import Experiment, TextReference
from suite.runner.transforms import TextIds


def read(
    study: Study, model: ModelSource, experiment: Experiment, texts: Iterable[TextReference]
) -> tuple[Windows, TextIds]:
    """The study's text cut into windows, and the texts to learn from, all by the model's own tokenizer.

    Args:
        experiment: any of the model's, as all of them are evaluated on the same windows.

    Raises:
        InputError: a text cannot be had, or is too short.
    """
    tokenizer, each = load_tokenizer(model), experiment.bos == "each"
    learnt = {reference: study.text_of(reference) for reference in texts}
    text_ids = TextIds(
        {
            ref: token_ids(text, tokenizer, study.context + 1, special=not each)
            for ref, text in learnt.items()
            if not text.by_document
        },
        {
            ref: DrawnDocuments(text.name, text.documents, text.join, tokenizer, special=not each)
            for ref, text in learnt.items()
            if text.by_document
        },
        bos=tokenizer.bos_token_id if each else None,
    )
    try:
        windows = make_windows(study.text, tokenizer, study.context, experiment.windows, experiment.bos)
    except InputError as error:
        raise InputError(f"model {model.name!r}: {error}") from error
    return windows, text_ids
