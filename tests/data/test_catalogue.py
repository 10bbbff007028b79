"""The table of texts: what is in print stays what it was, and every entry can be used."""

from __future__ import annotations

import pytest

from suite.data.catalogue import TEXTS
from suite.data.source import text_from_catalogue, training_text
from suite.errors import InputError
from suite.records.experiment import TextReference

WIKITEXT = ("b08601e04326c79dfdd32d625aee71d232d685c3", "\n\n")
IN_PRINT = {
    "stories": ("sha256:db87be1773b19c0d44e7c57b713df6c7d6ff81e474f46bea8a90dbd64b4f5456", ""),
    "stories-training": ("sha256:e00d208c1dd4131cebfcfc1a9f34479a524be6146d33916eecf4831413f7e124", ""),
    "short-stories": ("sha256:011e20c24fa64aa02e30c02f17f634b7097d71797cb93f532a8c86f74bad2dcc", ""),
    "short-stories-training": ("sha256:374e127f8a75b3f313f26dd26fdb51d947c4ebb79b664358b33a616201266175", ""),
    "wikitext-2": WIKITEXT,
    "wikitext-2-training": WIKITEXT,
}  # revision and join: every record's id follows from them


@pytest.mark.parametrize("name", IN_PRINT)
def test_the_reference_of_a_text_in_print_never_changes(name: str) -> None:
    revision, join = IN_PRINT[name]
    assert text_from_catalogue(name).reference == TextReference(name=name, revision=revision, join=join)


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_comes_from_somewhere_and_is_pinned(name: str) -> None:
    known, text = TEXTS[name], text_from_catalogue(name)
    assert known.name == name and text.bytes > 0 and text.known is known
    assert sum(source is not None for source in (known.grammar, known.hub)) == 1 or (known.sha256 and known.origin)
    assert text.revision and bool(known.licence) == (known.grammar is None)
    if known.training is not None:
        assert training_text(text).name == known.training != name


def test_a_sample_has_no_training_part() -> None:
    with pytest.raises(InputError, match="no training text is known for 'c4-sample'"):
        training_text(text_from_catalogue("c4-sample"))


def test_a_name_that_is_not_in_the_table_is_told_the_table() -> None:
    with pytest.raises(InputError, match=r"no text is called 'c5'; the suite knows stories, .*c4-training, any other"):
        text_from_catalogue("c5")
