"""The pages a reader follows, and the code on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_NAMED = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ci/README.md")
OUTSIDE = [*(ROOT / name for name in _NAMED), *sorted((ROOT / ".github").rglob("*.md"))]
FOLLOWED = "extend.md"  # whose files are written, changed and run by test_extend
PAGES = [*OUTSIDE, *sorted(DOCS.glob("*.md"))]

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that its title names, and where it stands."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        language, _, rest = found["info"].partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, language, title[1] if title else None, found["text"])


def spans(page: Path) -> list[str]:
    """What stands as code inside of a sentence, line breaks as spaces."""
    return [" ".join(found.split()) for found in _SPAN.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))]


def typed(page: Path) -> Iterator[tuple[str, str]]:
    """The lines that are typed into a shell, each with its place; what two blanks set apart is a remark."""
    for block in blocks(page):
        if block.language in ("", "sh"):
            for line in re.sub(r"\\\n *", "", block.text).splitlines():
                yield str(block), re.split(r" {2,}", line.strip())[0]
