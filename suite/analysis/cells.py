"""A cell: one record seen as a place in a study, every value a number or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suite.analysis.values import Bounds, NotMeasured, Number
from suite.evaluation.interval import ratio_interval
from suite.models.anatomy import TARGETS
from suite.pruning.criteria import criterion_rank
from suite.records.experiment import ARMS, Continuation, Experiment, short_revision
from suite.records.schema import Coherence, Generation, Memory, Perplexity, Record, Size
from suite.records.wording import option_words, treated

NO_INTERVAL = NotMeasured("fewer than the windows that an interval needs")


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What must be equal for two perplexities to be compared: they then share a dense baseline."""

    model: str
    revision: str
    text: str
    text_revision: str
    context: int
    windows: int  # how many are evaluated, 0 for all
    bos: str
    precision: str  # of the dense baseline

    @classmethod
    def of(cls, experiment: Experiment) -> Subject:
        e, text = experiment, experiment.text
        asked = e.context, e.windows or 0, e.bos, e.baseline_precision or e.precision
        return cls(e.model, e.revision, text.name, text.revision, *asked)


@dataclass(frozen=True, slots=True)
class Cell:
    """One record; `model` is the name the reports print for its subject.

    `dense` is what its dense model scored, where that is among the results and this is another.
    """

    record: Record
    model: str
    dense: Perplexity | None = None

    @property
    def experiment(self) -> Experiment:
        return self.record.experiment

    @property
    def sparsity(self) -> float:
        return self.experiment.sparsity

    @property
    def what(self) -> str:
        """The pruned weights, with whatever is not the suite's default said beside them; of a training, which it is."""
        return treated(self.experiment)

    @property
    def plain(self) -> bool:
        """Whether it is the dense baseline, or lost single weights, a like share of each tensor, and nothing more.

        Curves, rankings and whatever is read off them are of plain cells. What went in a pattern, by an allocation of
        its own, by an option of a criterion that is not its default, on to another precision or to a recovery answers
        other questions, and so do a cell of a map and a training.
        """
        e = self.experiment
        altered = e.pattern or e.allocation != "uniform" or e.baseline_precision or e.recovery or e.training
        return not altered and not self.mapped and not option_words(e.criterion, e.variant, e.cycles)

    @property
    def mapped(self) -> bool:
        """Whether it is a cell of a map: a budget taken from one kind of part in one layer, or in a few of them."""
        e = self.experiment
        return e.budget is not None and e.part is not None and e.layers is not None

    @property
    def done(self) -> bool:
        return self.record.status == "done"

    @property
    def missing(self) -> NotMeasured:
        """Why a value of this cell is not there."""
        if not self.done:
            return NotMeasured(self.record.error or "the experiment failed without a reason")
        return NotMeasured("not asked for in this experiment")

    @property
    def quality(self) -> Perplexity | NotMeasured:
        return self.record.perplexity if self.done and self.record.perplexity else self.missing

    @property
    def perplexity(self) -> Number:
        """Of a training, that of its held-out windows."""
        if self.done and self.record.training:
            return math.exp(self.record.training.loss)
        return q if isinstance(q := self.quality, NotMeasured) else q.value

    @property
    def ratio(self) -> Number:
        """Perplexity over the dense model's of the same run."""
        return q if isinstance(q := self.quality, NotMeasured) else q.ratio_to_dense

    @property
    def interval(self) -> Bounds:
        """95 % interval of the ratio; it covers the choice of the text only. A record that keeps none was made before
        there was one of so few windows: then it follows from the windows that both records keep."""
        if isinstance(q := self.quality, NotMeasured):
            return q
        if q.interval or self.dense is None:
            return q.interval or NO_INTERVAL
        spread = q.protocol.text_windows
        return ratio_interval(q.nll_per_window, self.dense.nll_per_window, text_windows=spread) or NO_INTERVAL

    @property
    def kl(self) -> Number:
        if isinstance(q := self.quality, NotMeasured):
            return q
        return q.kl if q.kl is not None else self.missing

    @property
    def agreement(self) -> Number:
        if isinstance(q := self.quality, NotMeasured):
            return q
        return q.agreement if q.agreement is not None else self.missing

    @property
    def generation(self) -> Generation | NotMeasured:
        return self.record.generation if self.done and self.record.generation else self.missing

    @property
    def memory(self) -> Memory | NotMeasured:
        return self.record.memory if self.done and self.record.memory else self.missing

    @property
    def size(self) -> Size | NotMeasured:
        return self.record.size if self.done and self.record.size else self.missing

    @property
    def stored_bytes(self) -> Number:
        """Bytes of the model's file, pruned tensors as a bitmap and their surviving values."""
        return s if isinstance(s := self.size, NotMeasured) else float(s.compressed_bytes)

    @property
    def coherence(self) -> Coherence | NotMeasured:
        return self.record.coherence if self.done and self.record.coherence else self.missing

    @property
    def mask_digest(self) -> str | NotMeasured:
        return self.record.pruning.mask_digest if self.record.pruning else self.missing

    @property
    def order(self) -> tuple[object, ...]:
        """A total order that does not depend on how records arrived."""
        e = self.experiment
        rank = TARGETS.index(e.target) if e.target in TARGETS else -1 if e.dense else len(TARGETS)
        learnt = e.recovery.tokens if e.recovery else 0
        kind = (criterion_rank(e.criterion), e.budget is not None, rank, learnt, self.what)
        return (self.model, step_of(e), *kind, e.sparsity, e.seed or 0, self.record.id)


def cells_of(records: Iterable[Record]) -> tuple[Cell, ...]:
    """The cells of the records in their total order, a cell measured twice once (the fuller record of it)."""
    found = list(records)
    names = labels({Subject.of(record.experiment) for record in found})
    best: dict[object, Record] = {}
    for record in sorted(found, key=lambda r: (-_fullness(r), r.id)):
        best.setdefault(_place(record.experiment), record)
    dense = {
        Subject.of(record.experiment): record.perplexity
        for record in best.values()
        if record.experiment.dense and record.status == "done"
    }

    def cell(record: Record) -> Cell:
        subject = Subject.of(record.experiment)
        return Cell(record, names[subject], None if record.experiment.dense else dense.get(subject))

    cells = map(cell, best.values())
    return tuple(sorted(cells, key=lambda cell: cell.order))


def step_of(experiment: Experiment) -> tuple[object, ...]:
    """The place of a training in a search: arm by arm, each by level; of anything else nothing, which comes first."""
    asked = experiment.training
    if asked is None:
        return ()
    return ARMS.index(asked.arm), asked.level, asked.rewind, asked.order, asked.read or 0.0


def labels(subjects: Iterable[Subject]) -> dict[Subject, str]:
    """A name for each subject: the model's, and only where that is shared, what tells the subjects apart."""
    found = sorted(subjects)
    names: dict[Subject, str] = {}
    for model in dict.fromkeys(subject.model for subject in found):
        rivals = [subject for subject in found if subject.model == model]
        fields: list[str] = []
        for field in _APART:
            if _distinct(rivals, [*fields, field]) > _distinct(rivals, fields):
                fields.append(field)
        for subject in rivals:
            extra = ", ".join(_APART[field](subject) for field in fields)
            names[subject] = f"{model} ({extra})" if extra else model
    return names


_APART: dict[str, Callable[[Subject], str]] = {  # what may tell two subjects of one model apart, shortest to say first
    "text": lambda subject: f"on {subject.text}",
    "context": lambda subject: f"{subject.context} tokens",
    "windows": lambda subject: f"{subject.windows} windows" if subject.windows else "whole text",
    "bos": lambda subject: f"BOS {subject.bos}",
    "precision": lambda subject: subject.precision,
    "revision": lambda subject: f"revision {short_revision(subject.revision)}",
    "text_revision": lambda subject: f"text {short_revision(subject.text_revision)}",
}


def _distinct(subjects: Iterable[Subject], fields: Iterable[str]) -> int:
    names = tuple(fields)
    return len({tuple(getattr(subject, field) for field in names) for subject in subjects})


def _place(experiment: Experiment) -> object:
    """What makes two experiments the same cell: all but what was measured in it, and what was written for that."""
    return experiment.model_copy(update={"measure": (), "generation": Continuation()}).id


def _fullness(record: Record) -> int:
    parts = (record.perplexity, record.generation, record.memory, record.size, record.coherence)
    return 10 * (record.status == "done") + sum(part is not None for part in parts)
