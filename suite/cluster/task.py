"""What one task of a job does: its share of a study, into the results folder that all tasks share."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import EXIT_FAILED, EXIT_INPUT, InputError
from suite.interruption import WALL_TIME, Interrupted, listen
from suite.records import Store

if TYPE_CHECKING:
    from suite.runner.run import Run

REQUEUE = 75  # the exit code that asks the job's script to put it back into the queue (EX_TEMPFAIL)


@dataclass(frozen=True)
class Task:
    """A share by the ids of its cells and searches: plain data, so that the node's own suite does the work.

    `results` is the folder of the study's records, `minutes` the time limit.
    """

    manifest: str
    results: str
    cells: tuple[str, ...]
    searches: tuple[str, ...]
    minutes: int | None = None

    def __call__(self) -> dict[str, int]:
        """Do what of the share has no record yet; called by submitit, on the node.

        Returns:
            How many experiments were there, done, failed.

        Raises:
            SystemExit: with `REQUEUE` when the time limit is near; 2 for wrong input; 128 and more for a signal.
        """
        listen(signal.SIGTERM, signal.SIGINT, WALL_TIME)
        store, started = Store(Path(self.results)), time.monotonic()
        before = store.paths
        try:
            return asdict(self._run(store)())
        except InputError as error:
            sys.exit(_say(str(error), EXIT_INPUT))
        except Interrupted as interrupted:
            if interrupted.signal != WALL_TIME:
                sys.exit(_say(f"ended by {interrupted.signal.name}; what is done is kept", interrupted.exit_code))
        long = self.minutes is not None and time.monotonic() - started > 30 * self.minutes
        if long and store.paths == before:  # another allotment would end the same way
            sys.exit(_say("not one experiment fits into the time limit: submit with more --time", EXIT_FAILED))
        sys.exit(_say("the time limit is near: what is done is kept, the rest goes back into the queue", REQUEUE))

    def _run(self, store: Store) -> Run:
        from rich.console import Console

        from suite.cli.progress import RunProgress
        from suite.cli.run import outlook
        from suite.cluster.shares import part
        from suite.manifest import read_study
        from suite.runner.run import Run

        study = part(read_study(Path(self.manifest)), self.cells, self.searches)
        return Run(study, store, RunProgress(Console(soft_wrap=True), outlook(study, store)))


def _say(sentence: str, code: int) -> int:
    print(f"lottery: {sentence}", file=sys.stderr, flush=True)
    return code
