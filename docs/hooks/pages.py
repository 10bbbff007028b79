"""What MkDocs calls while it builds the site: generated parts are put in place of their marks.

A page says `<!-- generated: manifest -->` where a generated part belongs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import reference

DOCS = Path(__file__).parents[1]
MARK = re.compile(r"<!-- generated: (\S+) -->")


def notebook() -> str:
    """The cells of the notebook, text as it is and code in blocks."""
    cells = json.loads((DOCS / "five-ways.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = {"markdown": "{}", "code": "```python\n{}\n```"}
    return "\n\n".join(shown[cell["cell_type"]].format("".join(cell["source"])) for cell in cells)


def picture() -> str:
    """The picture of the architecture, in the page itself: its colours follow the scheme that a reader chooses."""
    return f"<figure>{(DOCS / 'architecture.svg').read_text(encoding='utf-8')}</figure>"


def fields(made: str) -> str:
    """A reference, whose tables have a look of their own (`site.css`)."""
    return f'<div class="fields" markdown="1">\n\n{made}\n\n</div>'


MADE: dict[str, Callable[[], str]] = {
    "manifest": lambda: fields(reference.manifest_reference()),
    "record": lambda: fields(reference.record_reference()),
    "columns": lambda: fields(reference.column_reference()),
    "notebook": notebook,
    "picture": picture,
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    return MARK.sub(lambda found: MADE[found[1]](), markdown)
