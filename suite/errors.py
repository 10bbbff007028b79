"""The errors a user can cure, and the exit codes of the command line."""

import os
import re
import unicodedata

EXIT_DONE = 0
EXIT_FAILED = 1  # an experiment failed, or a comparison did not hold
EXIT_INPUT = 2  # the input was wrong
EXIT_INTERRUPTED = 130

LONGEST = 1_500  # characters of a sentence; what it quotes may have millions
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}")
# Unicode's categories of what is not seen: controls, what turns or joins, half characters, line and paragraph ends
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


class InputError(Exception):
    """What the user gave cannot be used.

    The message is one sentence for the terminal: what was expected, what was found, where, and what to do. It may quote
    what it will: see `sentence`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(sentence(message))


class ExperimentError(Exception):
    """One experiment cannot give a number; its record carries this reason, and the study goes on."""


def first_line(error: BaseException) -> str:
    """What an error of another library says first, else the name of its type."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def sentence(text: str, longest: int = LONGEST) -> str:
    """A text that may quote anything, as a line for a terminal, a log or a record.

    What a terminal would obey is escaped, a token of the hub is masked, and what is too long loses its middle.
    """
    for secret in filter(None, map(os.environ.get, SECRETS)):
        text = text.replace(secret, "***")
    text = TOKEN.sub("***", text)
    if len(text) > longest:
        text = f"{text[: longest - longest // 3]} [...] {text[len(text) - longest // 3 :]}"
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """A text for the terminal: what it would obey, or could not show, is written as in a program."""
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in UNSEEN else c for c in text)
