"""`lottery import`: a GGUF file as a directory that transformers loads."""

from __future__ import annotations

import json
from pathlib import Path

import click

from suite import __version__


@click.command("import")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.gguf")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A new folder.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the weights; float32 holds what was stored exactly.",
)
def import_(model: Path, out: Path, dtype: str) -> None:
    """Write MODEL.gguf as an ordinary Hugging Face directory: weights dequantised, configuration, tokenizer.

    `AutoModelForCausalLM.from_pretrained(DIR)` loads it; DIR/lottery.json says what it was made of. A tokenizer.json
    beside the file is taken in place of the file's own. `path: model.gguf` in a manifest, and `lottery cliff
    model.gguf`, need no import.
    """
    from suite.gguf.cache import check_room
    from suite.gguf.header import read_header
    from suite.gguf.tokenizer import tokenizer_beside
    from suite.models.source import from_gguf

    beside = tokenizer_beside(model)
    source = from_gguf(model.stem, model, tokenizer=beside)
    header = read_header(model)
    cure = "make room, or name a folder on another disk with --out"
    check_room(header, out, dtype, cure)
    from rich.console import Console

    from suite.cli.progress import conversion_progress
    from suite.gguf.convert import convert
    from suite.models.export import DETAILS, new_folder

    assert source.gguf is not None
    details = {
        "schema": "lottery-import/1",
        "suite": __version__,
        "file": model.name,
        "sha256": source.gguf.sha256,
        "quantisation": source.gguf.quantisation,
        "dtype": dtype,
        "licence": source.licence,
    }
    with conversion_progress(Console(), model.name) as told, new_folder(out) as folder:
        convert(header, folder, dtype, told, beside)
        (folder / DETAILS).write_text(json.dumps(details, indent=1) + "\n", encoding="utf-8")
    click.echo(
        f"{out}: {source.anatomy.family}, {source.anatomy.weights:,} parameters, dequantised from "
        f"{source.gguf.quantisation} to {dtype}"
    )
