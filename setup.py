"""Builds the wheel: beside the package it holds the top-level folders that a clone has next to it."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE = ("templates", "manifests")  # found by `suite.paths`


class BuildWithFiles(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for folder in BESIDE:
                target = Path(self.build_lib, "suite", "files", folder)
                shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithFiles})
