"""Tasks that fail, are killed, cancelled or out of time; then the same manifests again, which do what is missing."""

from __future__ import annotations

from pathlib import Path

from cluster import accounts, closed, process, slurm
from equal import records
from lottery import Study, check, status, step, submit, until

SMALL = 12  # the cells of small.yaml


class Faults:
    """Four studies on the `cpu` partition, from their submission to the day when nothing is missing."""

    def __init__(self, manifests: dict[str, Path], results: Path, profile: Path) -> None:
        self.manifests, self.results = manifests, results
        self.profile = ("--profile", profile, "--partition", "cpu")
        self.model = manifests["raises"].parent / "model"
        self.away = self.model.with_name("away")
        self.jobs: dict[str, int] = {}

    def begin(self) -> None:
        """Submit all; nothing starts before the model of one is gone and a task of another is cancelled."""
        with closed("cpu"):
            for name, options in {
                "raises": ("--tasks", 1),
                "killed": ("--tasks", 1),
                "cancelled": ("--tasks", 2),
                "limit": ("--tasks", 1, "--time", 1),
            }.items():
                jobs = submit([self.manifests[name]], self.results, *self.profile, *options)
                check(len(jobs) == 1, f"{name}: one array, not {jobs}")
                self.jobs[name] = jobs[0]
            queued = status(self.results / "raises")
            check(queued.only(queued=SMALL), f"in the queue: {queued}")
            again = submit(list(self.manifests.values()), self.results, *self.profile)
            check(not again, f"what is in the queue was submitted again: {again}")
            self.model.rename(self.away)
            slurm("scancel", f"{self.jobs['cancelled']}_1")
        step(f"faults: jobs {self.jobs}; a second submit found all in the queue and submitted nothing")

    def raises(self) -> None:
        study = self._settled("raises")
        check(study.only(failed=SMALL), f"without its model: {study}")
        step(f"raises: {study}, exit code 1: {study.why('failed')}")
        self.away.rename(self.model)

    def killed(self) -> None:
        python = process(self.jobs["killed"], 0)
        folder = self.results / "killed"
        until(folder, lambda study: study.counts["done"] > 0, "at work", pause=0)
        python.suspend()  # so that it is at work still when it is killed
        study = status(folder)
        check(study.counts["running"] == 1 and study.settled is False, f"at work: {study}")
        python.kill()
        study = self._settled("killed")
        done = study.counts["done"]
        check(0 < done < SMALL and study.only(done=done, lost=SMALL - done), f"killed: {study}")
        step(f"killed: {study}, exit code 1: {study.why('lost')}")

    def cancelled(self) -> None:
        study = self._settled("cancelled")
        done = study.counts["done"]
        check(0 < done < SMALL and study.only(done=done, lost=SMALL - done), f"one of two tasks cancelled: {study}")
        check(
            {cell["job"] for cell in study.cells if cell["state"] == "lost"} == {f"{self.jobs['cancelled']}_1"}, "whose"
        )
        step(f"cancelled: {study}, exit code 1: {study.why('lost')}")

    def limit(self) -> None:
        """A limit that is met with cells left is no fault, at no time: they wait until the task starts again."""

        def settled(study: Study) -> bool:
            check(not study.counts["failed"] + study.counts["lost"], f"limit: {study}")
            return study.settled

        study = until(self.results / "limit", settled, "settled")
        check(study.only(done=study.counts["done"]), f"limit: {study}")
        (states,) = accounts(self.jobs["limit"], "State").values()
        check(states[-1] == "COMPLETED" and "REQUEUED" in states, f"no limit was met: {states}")
        step(f"limit: {study} under a limit of one minute: {', '.join(states)}")

    def again(self) -> None:
        """What is there is not touched, what is missing is done, and then there is nothing to submit."""
        names = ["raises", "killed", "cancelled"]
        manifests = [self.manifests[name] for name in names]
        before = {name: records(self.results / name) for name in names}
        jobs = submit(manifests, self.results, *self.profile, "--tasks", 1)
        check(len(jobs) == len(names), f"a job a study: {jobs}")
        for name in names:
            study = self._settled(name)
            check(study.only(done=SMALL), f"{name}, submitted again: {study}")
            after = records(self.results / name)
            check(all(after[id_] == record for id_, record in before[name].items()), f"{name}: a record was made anew")
        check(not submit(manifests, self.results, *self.profile), "submitted, though all is done")
        missing = {name: SMALL - len(before[name]) for name in names}
        step(f"again: did what was missing, {missing}, and nothing else; a further submit finds all done")

    def _settled(self, name: str) -> Study:
        return until(self.results / name, lambda study: study.settled, "settled")
