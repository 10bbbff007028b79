"""The embedded corpus' tokenizer: a word is a token, so the grammar's labels and the model's tokens line up."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from suite.data import grammar

UNKNOWN = "<unk>"


def story_tokenizer() -> PreTrainedTokenizerFast:
    """Words, full stops, commas and line breaks; no special token is added to a text (as Qwen's adds none)."""
    vocabulary = {word: index for index, word in enumerate([UNKNOWN, *grammar.vocabulary()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n|[.,]|[^\s.,]+"), behavior="removed", invert=True)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix="##", cleanup=False),
            decoders.Replace(" .", "."),
            decoders.Replace(" ,", ","),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=UNKNOWN, clean_up_tokenization_spaces=False)
