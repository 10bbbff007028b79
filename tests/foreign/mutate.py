"""Files as nobody means to write them: text that is damaged, and values of another kind where one was expected."""

from __future__ import annotations

import copy
import datetime
import json
import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import yaml

NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 0.5, 1.0, 1e-9, 5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan, -0.0),
    *(7, 64, 255, 10_000, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 10**400),
)
STRINGS = (
    *("", " ", ".", "..", "~", "~root", "/", "//", "a/b", "../../etc/passwd", "../x", "/etc/passwd", "/dev/zero"),
    *("/dev/stdin", "/dev/fd/0", "/proc/self/mem", "/proc/self/environ", "file:///etc/passwd", "C:\\x", "..\\..\\x"),
    *("{{ 7 * 7 }}", "{% for x in y %}", "{#", "${HOME}", "$(id)", "`id`", "%s%n%99999d", "{0.__class__}", "\\input"),
    *("<script>alert(1)</script>", "</para>", "&amp;", "]]>", "'; --", '"', "=1+1", "-x", "--help", "null", "nan"),
    *(
        "\x00",
        "a\x00b",
        "\x1b[2J\x1b]0;x\x07",
        "\r",
        "a\nb",
        "\t",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u202e",
        "\ufffd",
    ),
    *(
        "\u00e9",
        "e\u0301",
        "\u4f60\u597d",
        "\u05e9\u05dc",
        "\U0001f468\u200d\U0001f469",
        "\U0010ffff",
        "\u0130",
        "\u0660",
    ),
    *("x" * 300, "x" * 20_000, "../" * 1_000, "\u0301" * 500, "9" * 5_000, "0x" + "f" * 4_000, "1e999", "1_000", "0o7"),
    *("0-99999", "0-999", "0," * 200 + "0", "7-3", "-1", "5-", "0-0", "\u0665", "all", "q", "none", "mistral", "done"),
)
LISTS: tuple[Any, ...] = (
    *([], [[]], [None], [0.5, 0.5], [{}], {}, {"": 0}, {"a": {"b": []}}, [1, "a", None], list(range(200))),
    *([k / 1000 for k in range(1, 1000)], [f"{k}" for k in range(300)], [0.5] * 3_000, {str(k): k for k in range(500)}),
)
OTHERS: tuple[Any, ...] = (None, True, False, *LISTS)

FRAGMENTS = (
    *("!!python/object/apply:os.system ['true'] ", "!!python/name:os.system ", "!!bool x", "!!int ''", "!!float x "),
    *(
        "!!binary x",
        "!!timestamp x",
        "!!set {a}",
        "!!omap [a: 1]",
        "!mine ",
        "!<tag:x> ",
        "!!str ",
        "!!null ",
        "!!map x",
    ),
    *(
        "&a ",
        "*a",
        "*nowhere",
        "&a [*a]",
        "<<: *a",
        "? ",
        "? [a]: b",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        ", ",
        "#",
        "|",
        ">",
    ),
    *("---\n", "...\n", "%YAML 9.9\n---\n", "%TAG ! x\n---\n", '"', "'", '"\\ud800"', '"\\x00"', '"\\U00110000"', "\t"),
    *("\x00", "\ufeff", "\u2028", "\x85", "\x1b[31m", "1:30:59", "2026-13-45", "2026-01-01", "0b2", "0x" + "f" * 4_000),
    *(
        ".inf",
        "-.inf",
        ".nan",
        "1e999",
        "9" * 5_000,
        "[" * 300,
        "{a: " * 300,
        "- " * 300,
        "x" * 30_000,
        "\n" * 300,
        " " * 300,
    ),
    *("a: 1\n" * 50, "\n  ", "\n- ", "\ntitle: b\n", "\nmodels: []\n", "\nexperiments: []\n", "\ncontext: 5\n"),
)


def bomb(rng: Random) -> str:
    """Aliases of aliases: a few lines that stand for a great many values."""
    wide, deep = rng.choice((2, 9, 40)), rng.choice((3, 9, 30))
    lines = ["a0: &a0 [0.5]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * wide)}]" for i in range(1, deep)]
    return "\n".join([*lines, f"sparsity: *a{deep - 1}", ""])


def mangled(text: str, rng: Random) -> bytes:
    """A text with some damage, anywhere."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        text = rng.choice(TEXTUAL)(text, rng)
    content = text.encode("utf-8", "surrogatepass")
    return flipped(content, rng) if rng.random() < 0.15 else content


def flipped(content: bytes, rng: Random) -> bytes:
    """A few bytes replaced by others."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 3, 20)) if found else 0):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def _insert(text: str, rng: Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(FRAGMENTS) + text[at:]


def _before_a_value(text: str, rng: Random) -> str:
    places = [i for i, (a, b) in enumerate(pairwise(text)) if a in ":[,-" and b == " "]
    at = rng.choice(places) + 2 if places else 0
    return text[:at] + rng.choice(FRAGMENTS) + text[at:]


def _word(text: str, rng: Random) -> str:
    words = sorted(set(text.split()))
    return text.replace(rng.choice(words), str(rng.choice((*STRINGS, *NUMBERS[:20]))), 1) if words else text


def _lines(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(4)
    if what == 0:
        del lines[i]
    elif what == 1:
        lines.insert(j, lines[i] * rng.choice((1, 1, 1, 300)))
    elif what == 2:
        lines[i], lines[j] = lines[j], lines[i]
    else:
        lines[i] = " " * rng.choice((1, 2, 40)) + lines[i]
    return "".join(lines)


def _truncate(text: str, rng: Random) -> str:
    return text[: rng.randint(0, len(text))]


def _bomb(text: str, rng: Random) -> str:
    return text + "\n" + bomb(rng)


TEXTUAL: tuple[Callable[[str, Random], str], ...] = (
    _insert,
    _before_a_value,
    _before_a_value,
    _word,
    _lines,
    _truncate,
)
TEXTUAL = (*TEXTUAL, *TEXTUAL, _bomb)


def altered(document: Any, rng: Random) -> Any:
    """The document with values of another kind, or of another size, in some places."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not isinstance(document, dict | list) or not document:
            return value(rng)
        around, last = _place(document, rng)
        what = rng.random()
        if what < 0.08:
            del around[last]
        elif what < 0.16:
            other, there = _place(document, rng)
            around[last] = copy.deepcopy(other[there])
        elif what < 0.2 and isinstance(around, dict):
            around[rng.choice(STRINGS)] = around.pop(last)
        elif what < 0.25 and isinstance(around, list):
            around *= rng.choice((2, 2, 50))
        else:
            around[last] = like(around[last], rng)
    return document


def nudged(document: Any, rng: Random) -> Any:
    """The document with other values of the same kind in some places: what a schema is likely to accept."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 4))):
        around, last = _place(document, rng)
        old = around[last]
        found = [new for new in (like(old, rng) for _ in range(20)) if type(new) is type(old)]
        around[last] = next((new for new in found if not isinstance(new, float) or math.isfinite(new)), old)
    return document


def thinned(document: Any, rng: Random) -> Any:
    """The document with less in its lists: mostly as good as before."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 3, 10))):
        around, last = _place(document, rng)
        if isinstance(around, list) and len(around) > 1:
            del around[last]
    return document


def _place(document: Any, rng: Random) -> tuple[Any, Any]:
    """Somewhere in a document, a dictionary or list and a step into it: as likely in a small part as in a long list."""
    around = document
    while True:
        step = rng.choice(list(around)) if isinstance(around, dict) else rng.randrange(len(around))
        inside = around[step]
        if not isinstance(inside, dict | list) or not inside or rng.random() < 0.1:
            return around, step
        around = inside


def like(old: Any, rng: Random) -> Any:
    """Another value: more often than not of the same kind, for a value of another kind is soon refused."""
    if rng.random() < 0.2:
        return value(rng)
    if isinstance(old, bool):
        return not old
    if isinstance(old, int | float) and abs(old) < 1e300:
        near = (old * 2, -old, old + 1, old - 1, old / 3, old * 0.9, 1 / old if old else 1, old * 1e9, old * 1e-9)
        found = rng.choice(rng.choice((near, near, NUMBERS)))
        whole = isinstance(old, int) and isinstance(found, float) and math.isfinite(found) and rng.random() < 0.8
        return int(found) if whole else found
    if isinstance(old, str):
        return rng.choice((old + rng.choice(STRINGS), old[: len(old) // 2], rng.choice(STRINGS)))
    if isinstance(old, list) and old:
        return rng.choice((old[:1], old[1:], old[::-1], old * 2, [*old, value(rng)]))
    return value(rng)


def value(rng: Random) -> Any:
    """Any value at all."""
    return copy.deepcopy(rng.choice(rng.choice((NUMBERS, STRINGS, STRINGS, OTHERS))))


def written(document: Any, rng: Random) -> bytes:
    """The document as YAML, in either style, or as the JSON that YAML contains."""
    if rng.random() < 0.3:
        text = json.dumps(document, ensure_ascii=rng.random() < 0.5, default=str)
    else:
        if rng.random() < 0.1:
            document = {"title": datetime.date(2026, 11, 1), **document} if isinstance(document, dict) else document
        text = yaml.safe_dump(
            document, allow_unicode=rng.random() < 0.5, default_flow_style=rng.choice((None, True, False))
        )
    return text.encode("utf-8", "surrogatepass")
