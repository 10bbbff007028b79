"""study.py DIR: write the study that hardships befall, its manifest and its text, into a folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from suite.data import grammar


def write_study(folder: Path) -> Path:
    """Write it, and return the manifest."""
    (folder / "few.txt").write_text("".join(grammar.join(grammar.write(3, index)) for index in range(16)))
    return Path(shutil.copy(Path(__file__).with_name("study.yaml"), folder))


if __name__ == "__main__":
    write_study(Path(sys.argv[1]))
