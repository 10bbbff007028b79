"""Trainings of a search for a ticket: one after another on all cores, side by side in processes, and as one batch.

    python ci/bench/trainings.py [--networks 8] [--steps 200] [--manifest manifests/ticket-quick.yaml] [--json FILE]

All three do the same trainings of the same networks, and come to the same losses but for rounding.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from suite.bench.figures import figures, row
from suite.machine import cores, this_machine
from suite.manifest import read_study
from suite.models.loading import load_tokenizer
from suite.runner.executors import Batches, Executor, Job, Processes
from suite.training.data import held_out_of, training_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--manifest", type=Path, default=Path("manifests/ticket-quick.yaml"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    study = read_study(options.manifest)
    model, dense = study.models[0], study.experiments[0]
    assert dense.training is not None
    asked = dense.training.model_copy(update={"steps": options.steps})
    jobs = [
        Job(dense.model_copy(update={"seed": seed, "training": asked}), model, model.config)
        for seed in range(options.networks)
    ]
    tokenizer = load_tokenizer(model)
    held_out = held_out_of(study.text, tokenizer, study.context)
    data = training_data(study.text_of(asked.text), tokenizer, study.context, asked.recall_weight)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def batches(most: int) -> Callable[[], Executor]:
        def executor() -> Executor:
            found = Batches(model, data, held_out, device, lambda *_: None)
            found.most, found.attention = most, "eager"
            return found

        return executor

    threads = torch.get_num_threads()
    print(f"{this_machine().hardware}; torch {torch.__version__}, {threads} threads, {cores()} cores; {device}")
    print(
        f"{options.networks} networks of {model.anatomy.weights:,} parameters, {options.steps} steps of {asked.batch} "
        f"windows of {study.context} tokens"
    )
    executors = {"one after another, all threads": batches(1), "one batch": batches(options.networks)}
    if device.type == "cpu":
        executors["a process a core, one thread each"] = lambda: Processes(data, held_out, lambda *_: None, most=1)
        executors["a batch in each process"] = lambda: Processes(data, held_out, lambda *_: None)
    first, rows = None, []
    for name, make in executors.items():
        seconds, losses = timed(make, jobs)
        first = first or seconds
        each = 1000 * seconds / options.networks / options.steps
        print(f"{name:<36}{seconds:8.1f} s{each:8.2f} ms a step{first / seconds:7.2f}x   losses {losses}")
        rows.append(row("training", f"{options.networks} networks, {name}", [first / seconds], "times", note=losses))
    if options.json:
        figures("trainings", rows, threads).write(options.json)


def timed(make: Callable[[], Executor], jobs: list[Job]) -> tuple[float, str]:
    """Seconds from the first step to the last result, after one short training has woken everything up."""
    executor = make()
    try:
        short = jobs[0].experiment.training.model_copy(update={"steps": 8})  # type: ignore[union-attr]
        do(executor, [replace(job, experiment=job.experiment.model_copy(update={"training": short})) for job in jobs])
        clock = time.perf_counter()
        found = do(executor, jobs)
        seconds = time.perf_counter() - clock
    finally:
        executor.close()
    return seconds, f"{min(found):.4f} to {max(found):.4f}"


def do(executor: Executor, jobs: Sequence[Job]) -> list[float]:
    """The losses of these jobs, in the order in which they end."""
    losses: list[float] = []
    left = list(jobs)
    while len(losses) < len(jobs):
        begun = executor.begin(left)
        left = [job for job in left if job not in begun]
        for result in executor.ended():
            if result.error:
                raise result.error
            assert result.done is not None
            losses.append(result.done.loss)
    return losses


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
