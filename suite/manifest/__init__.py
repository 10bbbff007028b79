"""Manifests: a YAML file that declares a study, and its expansion into experiments."""

from suite.manifest.expand import Study, read_study, weights_files
from suite.manifest.schema import Manifest

__all__ = ["Manifest", "Study", "read_study", "weights_files"]
