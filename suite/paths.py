"""Where the project's own files lie: beside the package, in a clone and in the image alike."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANIFESTS = ROOT / "manifests"
TEMPLATES = ROOT / "templates"
