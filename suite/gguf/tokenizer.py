"""The tokenizer of a GGUF file: the one that lies beside it, else its own as transformers builds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.errors import InputError, first_line
from suite.gguf.header import Header

TOKENIZER, SETTINGS = "tokenizer.json", "tokenizer_config.json"
BYTE_LEVEL, SENTENCEPIECE = "gpt2", "llama"  # as GGUF files call them
KINDS = (BYTE_LEVEL, SENTENCEPIECE)
GEMMA = ("gemma", "gemma2", "gemma3")
NORMAL = 1  # the type of a token that stands for text
SPECIAL = {
    **{"bos_token": "bos_token_id", "eos_token": "eos_token_id"},
    **{"unk_token": "unknown_token_id", "pad_token": "padding_token_id"},
}


def tokenizer_beside(path: Path) -> tuple[Path, ...]:
    """The tokenizer's files beside a GGUF file, tokenizer.json first; none where there is no tokenizer.json."""
    files = [path.with_name(name) for name in (TOKENIZER, SETTINGS)]
    return tuple(file for file in files if file.is_file()) if files[0].is_file() else ()


def write_tokenizer(header: Header, folder: Path, vocabulary: int, beside: tuple[Path, ...] = ()) -> None:
    """Write tokenizer.json and tokenizer_config.json into the folder.

    Args:
        vocabulary: how many tokens the model has.
        beside: the files that are taken in place of the file's own tokenizer.

    Raises:
        InputError: the tokenizer cannot be read, or has tokens that the model has not.
    """
    try:
        highest = _copy(beside, header, folder) if beside else _build(header, folder)
    except (OSError, InputError):
        raise
    except Exception as error:  # of a file from anybody, tokenizers and transformers raise whatever comes up
        where = beside[0] if beside else f"the tokenizer of {header.path}"
        raise InputError(f"{where} cannot be read: {first_line(error)}") from error
    if highest >= vocabulary:
        where = f"{beside[0]}, which lies beside {header.path.name}," if beside else f"the tokenizer of {header.path}"
        raise InputError(f"{where} has a token {highest}, and the model has {vocabulary} tokens: is it another's?")


def _copy(files: tuple[Path, ...], header: Header, folder: Path) -> int:
    """Copy the files, and say what the GGUF file does of the special tokens if nothing else does; the highest token."""
    from tokenizers import Tokenizer

    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror}") from error
        (folder / file.name).write_bytes(content)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    if len(files) == 1:
        said = {name: header.metadata.get(f"tokenizer.ggml.{key}") for name, key in SPECIAL.items()}
        special = {name: tokenizer.id_to_token(token) for name, token in said.items() if type(token) is int}
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
        (folder / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    return max(tokenizer.get_vocab().values())


def _build(header: Header, folder: Path) -> int:
    """Write the file's own; the highest token."""
    from transformers import PreTrainedTokenizerFast
    from transformers.integrations.gguf.gguf_tokenizer_mapping import convert_gguf_tokenizer, get_gguf_tokenizer

    architecture, tokens, settings = get_gguf_tokenizer(str(header.path))
    _check(header, architecture, tokens)
    backend, _ = convert_gguf_tokenizer(architecture, tokens)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **settings)
    tokenizer.save_pretrained(folder)
    return max(tokenizer.get_vocab().values())


def _check(header: Header, architecture: str, tokens: Mapping[str, Any]) -> None:
    """Refuse the tokenizers that transformers reads without complaint, and wrongly.

    Raises:
        InputError: it is of another kind than a byte-level BPE or one of sentencepiece; or one of sentencepiece that
            puts no space before a text, or of which the order of merges cannot be told.
    """
    kind = tokens.get("tokenizer_type")
    if kind not in KINDS:
        wrong = f"is of the kind {kind!r:.40}, and the suite reads {' and '.join(KINDS)}"
    elif architecture in GEMMA:  # of these transformers knows the order of merges, and that no space goes before a text
        return
    elif kind == SENTENCEPIECE and tokens.get("add_prefix_space") is False:
        wrong = "puts no space before a text, which transformers does not take over from a GGUF file"
    elif kind == SENTENCEPIECE and "merges" not in tokens and not _ranked(tokens):
        wrong = "has pieces without scores, so that the order in which they are merged cannot be told"
    else:
        return
    raise InputError(
        f"the tokenizer of {header.path} {wrong}; name the file by its path, with the model's own {TOKENIZER} beside it"
    )


def _ranked(tokens: Mapping[str, Any]) -> bool:
    """Whether the scores tell pieces apart: a converter that has no tokenizer.model gives one score to all of them."""
    scored = zip(tokens["tokens"], tokens.get("scores", ()), tokens.get("token_type", ()), strict=False)
    scores = [score for piece, score, type in scored if type == NORMAL and len(piece) > 1]
    return len(set(scores)) > 1
