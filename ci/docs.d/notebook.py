"""Run a notebook in a folder: python ci/docs.d/notebook.py NOTEBOOK FOLDER.

It is kept without outputs, and what it writes goes into the folder. A cell that fails ends with its traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path, folder = Path(sys.argv[1]), Path(sys.argv[2])
notebook = nbformat.read(path, as_version=4)
stored = [number for number, cell in enumerate(notebook.cells) if cell.get("outputs") or cell.get("execution_count")]
if stored:
    sys.exit(f"{path}: cells {stored} hold outputs; clear them")
NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
print(f"{path}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")
