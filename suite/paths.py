"""Where the project's own files lie, and where results go.

Manifests and templates lie beside the package, in a clone and in the image alike.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANIFESTS = ROOT / "manifests"
TEMPLATES = ROOT / "templates"


def default_results() -> Path:
    """The results folder, unless a command is given another: $LOTTERY_RESULTS, else results."""
    return Path(os.environ.get("LOTTERY_RESULTS") or "results")


def here_or_shipped(path: Path) -> Path:
    """The path, or where nothing is there the suite's own of that name: in the image no clone lies around."""
    shipped = ROOT / path
    return shipped if not path.is_absolute() and not path.exists() and shipped.exists() else path
