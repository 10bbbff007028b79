"""The command line: the only package that talks to the terminal; one small file a command."""

from __future__ import annotations

import importlib
import keyword
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from suite import __version__
from suite.errors import EXIT_DONE, EXIT_INPUT, EXIT_INTERRUPTED, InputError
from suite.interruption import Interrupted, listen, no_failure_once_asked
from suite.loggers import quiet_torchao
from suite.paths import DATA, data_folders, default_results

quiet_torchao()  # the terminal is the command line's

COMMANDS = {  # in the order of --help; a command's module is imported when it is called
    "run": "Run the experiments of manifests that have no record yet.",
    "plan": "Show a manifest's experiments with the time and memory they will need.",
    "fetch": "Download the models and texts of manifests, checked; then no network is needed.",
    "doctor": "Say whether this machine can run manifests: GPU, memory, disk, hub, versions.",
    "bench": "Measure what this machine can do, and what of it each stage of the suite reaches.",
    "submit": "Submit what manifests lack to SLURM, or to this machine's GPUs, as tasks.",
    "status": "Show what has become of every experiment: done, running, queued, failed, lost.",
    "cliff": "Find the sparsity at which one model breaks, to 1 %.",
    "import": "Turn a GGUF file into an ordinary Hugging Face directory, its weights dequantised.",
    "export": "Make one experiment's model again, and write it as a Hugging Face directory.",
    "expand": "Write the ordinary directory of an export that is compressed.",
    "criteria": "Say what criteria there are, and what each removes, looks at and counts over.",
    "records": "Show the records of a results folder.",
    "compare": "Compare two results folders: does a study reproduce, number by number?",
    "report": "Print poster, paper and page in one go.",
    "bundle": "The same, packed with records, manifests, environment and checksums.",
    "poster": "Print the poster of the records.",
    "paper": "Print the paper of the records.",
    "page": "Print the results page of the records: one HTML file.",
    "train": "Train an embedded model from its recipe.",
    "schema": "Print the JSON Schema of a manifest, for editors.",
}


class Lottery(click.Group):
    """Commands imported when called, and a manifest in place of a command: `lottery MANIFEST` runs it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        spelt = name + "_" * keyword.iskeyword(name)  # `import` is none that Python lets a module have
        command: click.Command = getattr(importlib.import_module(f"suite.cli.{spelt}"), spelt)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and Path(args[0]).suffix in (".yaml", ".yml"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lottery, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lottery")
def cli() -> None:
    """How much of a language model can you delete before it breaks, and where does the part that matters live?

    A manifest (YAML) declares a study; `run` measures it into records; `poster` and `paper` print them.

    \b
    lottery plan manifests/embedded.yaml     what it will take
    lottery run manifests/embedded.yaml      measure (also: lottery MANIFEST)
    lottery records results/                 the numbers
    lottery compare results/ theirs/         whether theirs reproduce
    lottery poster results/                  out/poster.pdf

    Exit codes: 0 done, 1 an experiment failed or a comparison did not hold, 2 the input was wrong, 130 interrupted.
    """


def results_option(command: Any) -> Any:
    """`--results DIR`, wherever records are written."""
    return click.option(
        "--results",
        type=click.Path(path_type=Path),
        default=default_results,
        show_default="$LOTTERY_RESULTS, else results",
        metavar="DIR",
        help="Where records go, into a folder named after the manifest.",
    )(command)


def data_option(command: Any) -> Any:
    """`--data DIR`, wherever a manifest is read or a text is named: one more folder of $LOTTERY_DATA, for this process,
    those it starts and the tasks it submits."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="DIR",
        expose_value=False,
        is_eager=True,
        callback=_listed_first,
        help="A folder of models and texts that manifests may name, beside those of $LOTTERY_DATA; may be given again.",
    )(command)


def _listed_first(_: click.Context, __: click.Parameter, folders: tuple[Path, ...]) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"--data {folder}: no folder is there; give one that models or texts lie in")
        if os.pathsep in str(folder.absolute()):
            raise InputError(f"--data {folder}: {os.pathsep!r} separates the folders of {DATA}; rename the folder")
    if folders:
        os.environ[DATA] = os.pathsep.join(map(str, [*(folder.absolute() for folder in folders), *data_folders()]))


def main() -> None:
    """The `lottery` command."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `lottery records | head` ends quietly
    listen(signal.SIGINT, signal.SIGTERM)
    try:
        with no_failure_once_asked():
            code = cli.main(standalone_mode=False)
    except InputError as error:
        click.echo(f"lottery: {error}", err=True)
        code = EXIT_INPUT
    except click.ClickException as error:
        error.show()
        code = EXIT_INPUT
    except (KeyboardInterrupt, click.Abort) as error:  # click makes the one the other
        click.echo("lottery: interrupted", err=True)
        asked = error if isinstance(error, Interrupted) else error.__cause__
        code = asked.exit_code if isinstance(asked, Interrupted) else EXIT_INTERRUPTED
    sys.exit(code if isinstance(code, int) else EXIT_DONE)
