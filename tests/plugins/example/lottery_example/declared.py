"""What the package adds. Without torch: `lottery plan` reads it."""

from __future__ import annotations

import os
from pathlib import Path

from suite.data.catalogue import KnownText
from suite.models.catalogue import FolderModel
from suite.pruning.criteria import Criterion

RELATIVE = Criterion(
    "lottery_example.criterion:relative_magnitude", "nothing", ("tensor", "row"), label="Relative magnitude"
)

SHA256 = "85271b0eb7f6962499eee4cc8568b61a299784dd2972e30d63ac3fcce4efaef1"
TALES = KnownText(
    "tiny-tales",
    revision=f"sha256:{SHA256}",
    path=Path(__file__).with_name("tales.json"),
    licence="CC0",
    bytes=13_244,
    sha256=SHA256,
    join="",
    context=64,
)

MODEL = FolderModel("My Model", Path(os.environ.get("MY_MODEL", "/opt/my-model")), licence="CC0")
