"""How a run looks on a terminal, and in the log of a job: one line an experiment, with the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from suite.records import Damage, Experiment, Record
from suite.records.wording import describe

if TYPE_CHECKING:
    from suite.forecast.outlook import Outlook


class RunProgress:
    """Prints a line for each finished experiment; on a terminal, a bar below them.

    Args:
        outlook: what of the study is left; None where nothing but bars is asked for.
    """

    def __init__(self, console: Console, outlook: Outlook | None = None) -> None:
        self.console = console
        self.outlook = outlook
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[inner]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("", total=None, inner="", left="")
        self.total = self.there = self.number = 0
        self.done: list[Record] = []  # in this run

    def __enter__(self) -> RunProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def planned(self, total: int, there: int, searching: bool) -> None:
        self.total, self.there, self.number = total, there, there
        self.bar.update(self.task, total=total, completed=there)
        done = f", {there} of them there already" if there else ""
        at_most = "at most " if searching else ""
        self.console.print(f"{at_most}{total} experiments{done}", highlight=False)

    def expected(self, total: int) -> None:
        """A search found its end, and what is left in all is less than was thought."""
        self.total = total
        self.bar.update(self.task, total=total)

    def loading(self, model: str) -> None:
        self.bar.update(self.task, description=f"loading {model}", inner="")

    def started(self, experiment: Experiment) -> None:
        self.bar.update(self.task, description=describe(experiment), inner="")

    def step(self, what: str, done: int, total: int) -> None:
        self.bar.update(self.task, inner=f"{what} {done:,}/{total:,}")

    def finished(self, record: Record) -> None:
        self.done += [record] if record.status == "done" else []
        self._line(record, f"{_result(record)}  {record.environment.seconds:5.1f} s")

    def found(self, record: Record) -> None:
        """Another process did it meanwhile."""
        self._line(record, f"{_result(record)}  elsewhere")

    def damaged(self, damage: Damage) -> None:
        self._say(f"warning: {damage}; it is set aside as {damage.path.name}.damaged, and measured again")

    def _line(self, record: Record, result: str) -> None:
        self.number += 1
        left = f"  {duration(self._left(record))} left" if self.outlook else ""
        self.bar.update(self.task, advance=1, left=left.strip())
        number = f"{self.number:{len(str(self.total))}}/{self.total}"
        self._say(f"[{number}] {describe(record.experiment):<60} {result}{left}")

    def _left(self, record: Record) -> float:
        """Seconds that are left after this record."""
        assert self.outlook
        self.outlook.note(record)
        return self.outlook.left

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _result(record: Record) -> str:
    if record.status == "failed":
        return f"FAILED: {record.error}"
    if record.training is not None:
        return f"loss {record.training.loss:.4f} nats a token"
    if (step := record.sequential) is not None:
        return f"{step.words}, after {step.windows} of {step.text_windows} windows ({step.ratio:,.4g}x)"
    if record.perplexity is None:
        return "done"
    verdict = f"  {record.coherence.verdict}" if record.coherence else ""
    return f"perplexity {record.perplexity.value:>10,.5g} ({record.perplexity.ratio_to_dense:,.4g}x){verdict:<12}"


def duration(seconds: float) -> str:
    """Seconds for people: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def conversion_progress(console: Console, name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar while a GGUF file is dequantised, on a terminal; yields what is to be told of weights done, of how many."""
    columns = TextColumn("dequantising {task.description}"), BarColumn(bar_width=24), TaskProgressColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
