"""`lottery train`: a recipe to a model directory."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where the model goes; made if needed."
)
def train(recipe: Path, out: Path) -> None:
    """Train a small model on the embedded corpus, as a recipe (YAML) says.

    The recipes of the models that ship lie beside them, in suite/models/embedded/NAME/recipe.yaml. Interrupt it at any
    time: the same command goes on from the last checkpoint (every 100 steps).
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from suite.errors import InputError
    from suite.training.recipe import read_recipe

    read = read_recipe(recipe)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {out}: {error.strerror}; name another with --out") from error
    from suite.training.trainer import CHECKPOINT_EVERY, Step, Training

    click.echo(f"{read.name}: {read.steps} steps, {read.tokens:,} tokens; writing the stories ...")
    training = Training(read, out)
    if training.done:
        click.echo(f"going on after step {training.done}")
    columns = (BarColumn(), TextColumn("{task.completed}/{task.total} steps, loss {task.fields[loss]:.4f}"))
    with Progress(*columns, TimeRemainingColumn(), transient=True) as progress:
        task = progress.add_task("", total=read.steps, completed=training.done, loss=float("nan"))

        def report(step: Step) -> None:
            progress.update(task, completed=step.number, loss=step.loss)
            if step.number % CHECKPOINT_EVERY == 0:
                progress.console.print(f"step {step.number}/{read.steps}  loss {step.loss:.4f}  {step.seconds:.0f} s")

        log = training.run(report)
    click.echo(f"loss {log['loss'][-1][1]:.4f} nats a token, the grammar's own {log['grammar_floor']:.4f}; in {out}")
