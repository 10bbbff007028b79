"""Tasks that fail, are killed, cancelled or out of time; then the same manifests again, which do what is missing."""

from __future__ import annotations

from pathlib import Path

from cluster import at_work, closed, ends, slurm
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
        """Hold one task up until its time is over; let others start when one lacks its model, one its other half."""
        self._submit("limit", "--time", 2)
        at_work(str(self.jobs["limit"]), self.results / "limit").suspend()  # SLURM's warning wakes it
        with closed("cpu"):
            self._submit("raises")
            self._submit("killed")
            self._submit("cancelled", "--tasks", 2)
            queued = status(self.results / "raises")
            check(queued.only(queued=SMALL), f"in the queue: {queued}")
            again = submit(list(self.manifests.values()), self.results, *self.profile)
            check(not again, f"what is queued or running was submitted again: {again}")
            self.model.rename(self.away)
            slurm("scancel", f"{self.jobs['cancelled']}_1")
        step(f"faults: jobs {self.jobs}; a second submit finds all of it queued or running, and submits nothing")

    def killed(self) -> None:
        python = at_work(str(self.jobs["killed"]), self.results / "killed")
        python.suspend()  # so that it is at work still when it is killed
        study = status(self.results / "killed")
        check(study.counts["done"] and not study.settled, f"at work: {study}")
        python.kill()
        self._lost("killed", {str(self.jobs["killed"]): "signal 9"})

    def cancelled(self) -> None:
        """One task while it waits, of which SLURM keeps no account if it never could have run; one at work."""
        first, second = (f"{self.jobs['cancelled']}_{task}" for task in (0, 1))
        python = at_work(first, self.results / "cancelled")
        python.suspend()
        slurm("scancel", first)
        self._lost("cancelled", {first: "cancelled", second: "SLURM"})

    def raises(self) -> None:
        study = self._settled("raises")
        check(study.only(failed=SMALL), f"without its model: {study}")
        (why,) = study.why("failed").values()
        check("there is no directory" in why and str(self.model) in why, why)
        step(f"raises: {study}, exit code 1: {why}")
        self.away.rename(self.model)

    def again(self) -> None:
        """What is there is not touched, what is missing is done, and then there is nothing to submit."""
        names = ["raises", "killed", "cancelled"]
        manifests = [self.manifests[name] for name in names]
        before = {name: records(self.results / name) for name in names}
        jobs = submit(manifests, self.results, *self.profile, "--tasks", 1)
        check(len(jobs) == len(names), f"a job a study: {jobs}")
        for name in names:
            study = self._settled(name)
            check(study.only(done=SMALL), f"{name}, submitted again: {study}: {study.why('failed')}{study.why('lost')}")
            after = records(self.results / name)
            check(all(after[id_] == record for id_, record in before[name].items()), f"{name}: a record was made anew")
        check(not submit(manifests, self.results, *self.profile), "submitted, though all is done")
        missing = {name: SMALL - len(before[name]) for name in names}
        step(f"again: did what was missing, {missing}, and nothing else; a further submit finds all done")

    def limit(self) -> None:
        """A limit that is met with cells left is no fault, at no time: they wait until the task starts again."""

        def settled(study: Study) -> bool:
            check(not study.counts["failed"] + study.counts["lost"], f"limit: {study}: {study.cells}")
            return study.settled

        study = until(self.results / "limit", settled, "settled")
        check(study.only(done=SMALL), f"limit: {study}")
        (states,) = ends(self.jobs["limit"]).values()
        check(states[-1] == "COMPLETED" and "REQUEUED" in states, f"no limit was met: {states}")
        step(f"limit: {study} in tasks of two minutes, which ended {', '.join(states)}")

    def _submit(self, name: str, *options: object) -> None:
        (self.jobs[name],) = submit([self.manifests[name]], self.results, *self.profile, *options)

    def _settled(self, name: str) -> Study:
        return until(self.results / name, lambda study: study.settled, "settled")

    def _lost(self, name: str, reasons: dict[str, str]) -> None:
        """These jobs left cells undone, for these reasons."""
        study = self._settled(name)
        done = study.counts["done"]
        check(0 < done < SMALL and study.only(done=done, lost=SMALL - done), f"{name}: {study}: {study.cells}")
        why = study.why("lost")
        check(why.keys() == reasons.keys() and all(reasons[job] in why[job] for job in why), f"{name}: {why}")
        step(f"{name}: {study}, exit code 1: {'; '.join(f'{job}: {said}' for job, said in why.items())}")
