"""What a model reads: the text it is measured on, and those that it or a criterion learns from."""

from __future__ import annotations

from collections.abc import Iterable

from suite.data.drawn import DrawnDocuments
from suite.data.windows import Windows, make_windows, token_ids
from suite.manifest import Study
from suite.models.loading import load_tokenizer
from suite.models.source import ModelSource
from suite.records.experiment import TextReference
from suite.runner.alteration import Lessons


def read(study: Study, model: ModelSource, texts: Iterable[TextReference]) -> tuple[Windows, Lessons]:
    """The study's text cut into windows, and the texts to learn from, all by the model's own tokenizer.

    Raises:
        InputError: a text cannot be had, or is too short.
    """
    tokenizer = load_tokenizer(model)
    learnt = {reference: study.text_of(reference) for reference in texts}
    lessons = Lessons(
        {ref: token_ids(text, tokenizer, study.context + 1) for ref, text in learnt.items() if not text.by_document},
        {
            ref: DrawnDocuments(text.name, text.documents, text.join, tokenizer)
            for ref, text in learnt.items()
            if text.by_document
        },
    )
    return make_windows(study.text, tokenizer, study.context), lessons
