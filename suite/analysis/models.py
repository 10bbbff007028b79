"""What is known of one model: its dense baseline, its curves, and everything read off them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.curves import Curve, breadth, curves_of, main_curve
from suite.analysis.kinds import KindTable, kind_table
from suite.analysis.location import HeatTable, Ranking, heat_table, rankings
from suite.analysis.mass import Removable, removable
from suite.analysis.parts import Parts, parts
from suite.analysis.samples import Utterance, utterances
from suite.analysis.speed import SpeedTable, speed_table
from suite.analysis.values import MissingResultError, NotMeasured, Number
from suite.records.schema import Perplexity


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model on one text; `name` is what the reports call it."""

    name: str
    cells: tuple[Cell, ...]
    plain: tuple[Cell, ...]  # those that curves, rankings and what is read off them are made of
    dense: Cell | NotMeasured
    curves: tuple[Curve, ...]
    main: Curve | None
    control: Curve | None  # random removal from the same target
    heat: HeatTable | None
    rankings: tuple[Ranking, ...]
    utterances: tuple[Utterance, ...]
    speed: SpeedTable | None
    kinds: KindTable | None
    removable: tuple[Removable, ...]
    parts: Parts | None  # the damage of each part of the network, at one place of the study

    @property
    def reference(self) -> Perplexity | NotMeasured:
        """Any finished cell's quality: its `uniform`, `unigram` and `floor` are the model's, not the cell's."""
        found = (cell.quality for cell in self.cells)
        return next((q for q in found if not isinstance(q, NotMeasured)), NotMeasured("nothing finished"))

    @property
    def text(self) -> str:
        """The name of the text the model was measured on."""
        return self.cells[0].experiment.text.name

    @property
    def quantisation(self) -> str | None:
        """What the weights were dequantised from, of a model that was read from a GGUF file."""
        return self.cells[0].record.model.quantisation

    @property
    def licence(self) -> str | None:
        """Under what the model's weights are to be had, where that is known."""
        return self.cells[0].record.model.licence

    @property
    def dense_perplexity(self) -> Number:
        """The dense model's, or what a pruned cell's ratio says it was where the dense record is not at hand."""
        if isinstance(self.dense, Cell) and isinstance(self.dense.perplexity, float):
            return self.dense.perplexity
        quality = self.reference
        return quality if isinstance(quality, NotMeasured) else quality.value / quality.ratio_to_dense

    @property
    def weights_bytes(self) -> Number:
        found = self.dense.memory if isinstance(self.dense, Cell) else self.dense
        return found if isinstance(found, NotMeasured) else float(found.weights_bytes)

    @property
    def diverged(self) -> bool:
        """Whether a point of the main curve, or of random removal, is known to lie away from the dense model."""
        points = [point for curve in (self.main, self.control) if curve for point in curve.points]
        return any(isinstance(kl := point.cells[0].kl, float) and kl > 0 for point in points)

    @property
    def finished(self) -> int:
        return sum(cell.done for cell in self.cells)

    def curve(self, criterion: str, what: str) -> Curve:
        """Raises: MissingResultError: the study has no such curve."""
        for curve in self.curves:
            if (curve.criterion, curve.what) == (criterion, what):
                return curve
        raise MissingResultError(f"{self.name} has no curve of {criterion} on {what}")

    @property
    def importance(self) -> tuple[int, int, int, str]:
        """Sorts the model a report should be about to the front."""
        points = len(self.main.measured) if self.main else 0
        return (-points, breadth(self.main.what) if self.main else 99, -self.finished, self.name)


def model_facts(name: str, cells: Iterable[Cell]) -> ModelFacts:
    """Everything that is known of the model whose cells these are (in their total order)."""
    found = tuple(cells)
    plain = tuple(cell for cell in found if cell.plain)
    dense = _dense(plain)
    curves = curves_of(plain)
    heat, ranked = heat_table(curves), rankings(plain)
    main = main_curve(curves)
    control = next((c for c in curves if main and c.criterion == "random" and c.what == main.what and c.measured), None)
    return ModelFacts(
        name=name,
        cells=found,
        plain=plain,
        dense=dense,
        curves=curves,
        main=main,
        control=control,
        heat=heat,
        rankings=ranked,
        utterances=utterances(dense, main),
        speed=speed_table(dense, [cell for point in (main.points if main else ()) for cell in point.cells[:1]]),
        kinds=kind_table(dense, main),
        removable=removable(curves),
        parts=parts(heat, ranked, found[0].record.model),
    )


def _dense(cells: Iterable[Cell]) -> Cell | NotMeasured:
    candidates = [cell for cell in cells if cell.experiment.dense]
    finished = [cell for cell in candidates if cell.done]
    if finished:
        return finished[0]
    return candidates[0].missing if candidates else NotMeasured("the dense model's record is not among the results")
