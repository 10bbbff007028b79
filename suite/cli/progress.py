"""How a run looks on a terminal, and in the log of a job: one line an experiment, with the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from suite.manifest.expand import describe
from suite.records import Damage, Experiment, Record


class RunProgress:
    """Prints a line for each finished experiment; on a terminal, a bar below them."""

    def __init__(self, console: Console) -> None:
        self.console = console
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
        self.clock = time.monotonic()

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
        spent = time.monotonic() - self.clock
        left = spent / max(1, self.number - self.there) * (self.total - self.number)
        self.bar.update(self.task, advance=1, left=f"{duration(left)} left")
        number = f"{self.number:{len(str(self.total))}}/{self.total}"
        self._say(f"[{number}] {describe(record.experiment):<60} {result}  {duration(left)} left")

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
