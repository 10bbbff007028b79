"""`lottery criteria`: what there is to choose weights by, in the words of each criterion's own file."""

from __future__ import annotations

import click


@click.command()
@click.argument("names", nargs=-1)
def criteria(names: tuple[str, ...]) -> None:
    """Say what criteria there are, or all about those of the given NAMES."""
    from suite.cli.tables import add_row, console, new_table
    from suite.errors import InputError
    from suite.pruning.criteria import CRITERIA, criterion_label, criterion_names

    if unknown := [name for name in names if name not in CRITERIA]:
        raise InputError(f"criterion {unknown[0]!r} is not one of {', '.join(CRITERIA)}")
    for name in names:
        click.echo(f"{criterion_label(name)}\n\n{CRITERIA[name].about}\n")
    if names:
        return
    table = new_table(("criterion", "looks at", "counts over", "variants"), ("cycles",), (), "counts over")
    for name in criterion_names()[1:]:
        one = CRITERIA[name]
        looks = {"nothing": "weights", "seed": "a seed"}.get(one.wants, f"{one.wants} of inputs")
        add_row(table, (name, looks, ", ".join(one.scopes), ", ".join(one.variants), str(one.cycles or "")))
    console().print(table)
