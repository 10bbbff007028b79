"""One file that holds a whole model (GGUF), pinned by its SHA-256, and the places that have it."""

from suite.weights.file import HubFileSource, Source, WeightsFile

__all__ = ["HubFileSource", "Source", "WeightsFile"]
