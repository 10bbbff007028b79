"""One training of the search for a ticket, or several at once: from what it stands on to its end, and what it tells.

Every training is a pass of the same course: its first `rewind` steps dense, from the initial values; then the mask is
applied, to the values and to what the optimiser remembers of them; then on to the end, the schedule going on as it was.
A ticket that is rewound to a point of the training is so without anything kept: it passes through that point again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from suite.errors import ExperimentError
from suite.evaluation.retained_malloc import retained_malloc
from suite.models.anatomy import Anatomy
from suite.protocol import REINIT_SEED, TICKET_DECAY, TICKET_EXAMINED, TICKET_FINAL_RATE, TICKET_PATH, TICKET_WARM_UP
from suite.pruning.iterative import Mask, overlap, shuffled, smaller
from suite.records.experiment import Experiment, Training
from suite.records.trained import Overlap, Overlaps, Step
from suite.training.data import HeldOut, TrainingData, stream_of
from suite.training.levels import UNPRUNED, asked_of, remaining
from suite.training.networks import Networks, State, initial

CHECK_EVERY = 100  # steps


@dataclass(frozen=True)
class Ended:
    """A network at the end of its training: its values, and the mask they were trained under (empty: none)."""

    values: State
    mask: Mask


@dataclass(frozen=True)
class Subject:
    """A training to do, and the ended ones that it stands on, by what they are to it (`suite.training.levels`).

    `config` is the network's, of transformers; `pretrained` its values where they are not drawn from the seed.
    """

    experiment: Experiment
    config: Mapping[str, Any]
    behind: Mapping[str, Ended] = field(default_factory=dict)
    pretrained: State | None = None

    @property
    def asked(self) -> Training:
        return asked_of(self.experiment)

    @property
    def seed(self) -> int:
        return self.experiment.seed or 0


def alike_in(experiment: Experiment, config: Mapping[str, Any]) -> tuple[object, ...]:
    """What must be equal for trainings to run in lock step."""
    a = asked_of(experiment)
    prefix = a.read if a.arm == "early" and a.read != 1 else None
    course = a.steps, a.batch, a.learning_rate, a.recall_weight
    return (tuple(sorted(config.items())), *course, a.arm in UNPRUNED, a.rewind, prefix)


@dataclass(frozen=True)
class Done:
    """What a training came to; losses in nats a predicted token."""

    ended: Ended
    course: tuple[Step, ...]
    loss: float
    overlaps: Overlaps
    path: tuple[float, ...] | None
    seconds: float


def rate(step: int, steps: int) -> float:
    """The learning rate's share at a step (from 0): up over a twentieth, level, from half on down to a fiftieth."""
    up = (step + 1) / (TICKET_WARM_UP * steps)
    down = (steps - step) / (TICKET_DECAY * steps)
    return min(1.0, up, max(TICKET_FINAL_RATE, down))


@retained_malloc()
def train(
    subjects: Sequence[Subject],
    data: TrainingData,
    held_out: HeldOut,
    device: torch.device,
    attention: str,
    progress: Callable[[int, int], None],
) -> list[Done]:
    """Do trainings that are alike (`alike_in`) in lock step.

    Args:
        progress: told of the steps done and of all.

    Raises:
        ExperimentError: a loss is no number any more.
        RuntimeError: a bug: a removed weight came back.
    """
    clock = time.perf_counter()
    # What the optimiser remembers of words that never come shrinks to denormal numbers, which take a processor long.
    torch.set_flush_denormal(True)
    try:
        course = _Course(subjects, data, held_out, device, attention, progress)
        masks = course.masks()
        networks, courses = course.run(masks)
        seconds = (time.perf_counter() - clock) / len(subjects)
        return [
            _done(subject, networks, index, held_out, masks[index], courses[index], seconds)
            for index, subject in enumerate(subjects)
        ]
    finally:
        torch.set_flush_denormal(False)


@dataclass(frozen=True)
class _Course:
    """What `train` does, of the same arguments."""

    subjects: Sequence[Subject]
    data: TrainingData
    held_out: HeldOut
    device: torch.device
    attention: str
    progress: Callable[[int, int], None]

    @property
    def asked(self) -> Training:
        """What all of them have in common, the first one's."""
        return self.subjects[0].asked

    @property
    def prefix(self) -> int:
        """The steps after which masks are read; 0 where none are."""
        read = self.asked.read if self.asked.arm == "early" else None
        return round(read * self.asked.steps) if read is not None and read < 1 else 0

    @cached_property
    def streams(self) -> list[int]:
        return [stream_of(subject.seed, subject.asked.order) for subject in self.subjects]

    def masks(self) -> list[Mask]:
        """The mask of each; for those that are read early, from dense networks trained so far."""
        if not self.prefix:
            return [mask_of(subject) for subject in self.subjects]
        networks = self._networks([_values(subject) for subject in self.subjects])
        for step in range(self.prefix):
            self._step(networks, step)
        return [mask_of(subject, networks.state(index)) for index, subject in enumerate(self.subjects)]

    def run(self, masks: Sequence[Mask]) -> tuple[Networks, list[list[Step]]]:
        networks = self._networks([_values(subject) for subject in self.subjects])
        steps, rewound = self.asked.steps, round(self.asked.rewind * self.asked.steps)
        examined = {math.ceil(steps * (n + 1) / TICKET_EXAMINED) for n in range(TICKET_EXAMINED)}
        courses: list[list[Step]] = [[] for _ in self.subjects]
        since: list[Tensor] = []
        for step in range(steps):
            if step == rewound and masks[0]:
                networks.mask(masks)
            since.append(self._step(networks, step))
            if step % CHECK_EVERY == 0 or step + 1 in examined:
                self._check(networks, since[-1], step)
            if step + 1 in examined:
                means = torch.stack(since).mean(0, dtype=torch.float64).tolist()
                since.clear()
                for index, (course, mean) in enumerate(zip(courses, means, strict=True)):
                    held_out = networks.held_out(self.held_out.windows, index=index)
                    course.append(Step(step=step + 1, loss=mean, held_out=held_out))
        return networks, courses

    def _networks(self, starts: Sequence[State]) -> Networks:
        return Networks(self.subjects[0].config, starts, self.device, self.attention)

    def _step(self, networks: Networks, step: int) -> Tensor:
        self.progress(step, self.asked.steps)
        batches = [self.data.batch(stream, step, self.asked.batch) for stream in self.streams]
        windows, weights = (torch.stack(each).to(self.device) for each in zip(*batches, strict=True))
        return networks.step(windows, weights, self.asked.learning_rate * rate(step, self.asked.steps))

    def _check(self, networks: Networks, losses: Tensor, step: int) -> None:
        if not bool(losses.isfinite().all()):
            raise ExperimentError(
                f"the training loss is no number any more in step {step + 1} of {self.asked.steps}; "
                "a smaller `learning_rate` may help"
            )
        if not networks.held():
            raise RuntimeError("a bug: a removed weight came back while a network was trained")


def mask_of(subject: Subject, early: State | None = None) -> Mask:
    """The mask a training is held to; empty where it has none.

    Args:
        early: the dense network's values at the place of its training where the mask is to be read.

    Raises:
        RuntimeError: a bug: it is not of the size of its level.
    """
    asked, behind = subject.asked, subject.behind
    whole = {one.name: one.shape for one in Anatomy(subject.config).block_linears}
    weights = sum(shape[0] * shape[1] for shape in whole.values())
    left = remaining(weights, asked.pruned, asked.level)
    if asked.arm in ("ticket", "learning-rate-rewinding"):
        before = behind["before"]
        mask = before.mask or _everything(subject)
        mask = smaller(mask, before.values, remaining(weights, asked.pruned, asked.level - 1) - left)
    elif asked.arm == "random-reinit":
        mask = behind["masked"].mask
    elif asked.arm == "random":
        mask = shuffled(behind["masked"].mask, subject.seed)
    elif asked.arm == "early":
        values = behind["dense"].values if early is None else early
        mask = smaller(_everything(subject), values, weights - left)
    else:
        return {}
    if sum(int(kept.sum()) for kept in mask.values()) != left:
        raise RuntimeError(f"a bug: the mask of {subject.experiment.id[:8]} is not of its level's size")
    return mask


def _everything(subject: Subject) -> Mask:
    return {one.name: torch.ones(one.shape, dtype=torch.bool) for one in Anatomy(subject.config).block_linears}


def _values(subject: Subject) -> State:
    """The values a training begins with."""
    asked = subject.asked
    if asked.arm == "learning-rate-rewinding":
        return subject.behind["before"].values
    if asked.arm == "random-reinit":
        return initial(subject.config, subject.seed + REINIT_SEED)
    if subject.pretrained is not None and asked.arm != "small-dense":
        return subject.pretrained
    return initial(subject.config, subject.seed)


def _done(
    subject: Subject,
    networks: Networks,
    index: int,
    held_out: HeldOut,
    mask: Mask,
    course: Sequence[Step],
    seconds: float,
) -> Done:
    ended, behind = Ended(networks.state(index), mask), subject.behind
    loss, path = course[-1].held_out, None
    if "dense" in behind and subject.asked.arm in ("dense", "ticket"):
        path = _path(networks, behind["dense"].values, ended.values, held_out)
        path = (*path[:-1], loss)
    return Done(ended, tuple(course), loss, _overlaps(subject, mask), path, seconds)


def _path(networks: Networks, one: State, other: State, held_out: HeldOut) -> tuple[float, ...]:
    """Held-out losses on the straight line between two networks' values, at equal distances, both ends included."""
    shares = [k / (TICKET_PATH - 1) for k in range(TICKET_PATH)]
    between = ({name: value.lerp(other[name], share) for name, value in one.items()} for share in shares)
    return tuple(networks.held_out(held_out.windows, values) for values in between)


def _overlaps(subject: Subject, mask: Mask) -> Overlaps:
    asked, behind = subject.asked, subject.behind
    if asked.arm == "early":
        last = mask_of(subject, behind["dense"].values)
        return Overlaps(last=_overlap(mask, last), ticket=_overlap(mask, behind["ticket"].mask))
    if asked.arm == "ticket" and "ticket" in behind:
        return Overlaps(other_order=_overlap(mask, behind["ticket"].mask))
    return Overlaps()


def _overlap(mask: Mask, other: Mask) -> Overlap:
    shared, chance = overlap(mask, other)
    return Overlap(shared=shared, chance=chance)
