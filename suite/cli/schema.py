"""`lottery schema`: the JSON Schema of a manifest."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of a manifest, for editors (manifests/manifest.schema.json is this)."""
    from suite.manifest import Manifest

    click.echo(json.dumps(Manifest.model_json_schema(), indent=1, ensure_ascii=False))
