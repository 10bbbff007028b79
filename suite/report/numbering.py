"""The figures and tables of the paper: which of them a study has the records for, and their numbers."""

from __future__ import annotations

from collections.abc import Mapping

from suite.analysis.cells import Cell
from suite.analysis.facts import Facts
from suite.analysis.models import ModelFacts
from suite.analysis.targets import target_table
from suite.analysis.values import NotMeasured


class Numbering:
    """Figures and tables count in the order they stand in the paper; text may refer to one before it comes."""

    def __init__(self, kind: str, present: Mapping[str, bool]) -> None:
        self.kind = kind
        self._keys = [key for key, there in present.items() if there]

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def number(self, key: str) -> int:
        """Raises: KeyError: the study has no such figure or table, so nothing can refer to it."""
        if key not in self._keys:
            raise KeyError(f"there is no {self.kind} {key!r} in this paper, only {', '.join(self._keys) or 'none'}")
        return self._keys.index(key) + 1


def figures_of(facts: Facts) -> Numbering:
    """The figures this study has the records for, in the order of the text."""
    return Numbering("figure", (_pruned_figures(facts) if facts.models else {}) | _ticket_figures(facts))


def tables_of(facts: Facts) -> Numbering:
    """The tables this study has the records for, in the order of the text."""
    first = {"models": bool(facts.models), "studies": bool(facts.studies), "claims": bool(facts.claims)}
    results = (_pruned_tables(facts) if facts.models else {}) | _ticket_tables(facts)
    of_models = dict.fromkeys(("audit", "recorded", "resources"), bool(facts.models))
    last = {"pins": True, "records": bool(facts.cells), "trainings": bool(facts.tickets)}
    return Numbering("table", first | results | of_models | last)


def _pruned_figures(facts: Facts) -> dict[str, bool]:
    main, further = facts.main, facts.further
    return {
        "cliff": main.main is not None,
        "divergence": main.diverged,
        "network": main.parts is not None and _located(facts),
        "targets": main.heat is not None,
        "ranking": bool(facts.shared_rankings),
        "map": bool(further.maps),
        "crossings": facts.crossings is not None,
        "comparison": facts.comparison is not None,
        "kinds": main.kinds is not None,
        "breaks": bool(facts.breaks),
        "criteria": bool(further.criteria),
        "effort": bool(further.criteria and further.criteria[0].priced),
        "rounding": bool(further.roundings),
        "recovery": bool(further.courses),
        "speed": main.speed is not None,
        "bytes": facts.storage is not None and bool(sized(main)),
        "structure": bool(further.structures),
    }


def _pruned_tables(facts: Facts) -> dict[str, bool]:
    main, further = facts.main, facts.further
    return {
        "baselines": True,
        "cliff": main.main is not None and len(main.main.points) > 1,
        "targets": _located(facts) and target_table(facts.models) is not None,
        "ranking": bool(facts.shared_rankings),
        "mass": bool(main.removable) and _located(facts),
        "map": bool(further.maps),
        "crossings": facts.crossings is not None,
        "orders": (facts.comparison or facts.crossings) is not None and "same_ranking" in facts.claims,
        "kinds": main.kinds is not None,
        "breaks": bool(facts.breaks),
        "criteria": bool(further.criteria),
        "patterns": bool(further.patterns),
        "rounding": bool(further.roundings),
        "recovery": bool(further.recoveries),
        "speed": main.speed is not None,
        "costs": bool(sized(main)),
        "structure": bool(further.structures),
    }


def _ticket_figures(facts: Facts) -> dict[str, bool]:
    found = facts.tickets[0] if facts.tickets else None
    return {
        "ticket": found is not None and bool(found.matching),
        "survivors": found is not None and found.survivors is not None,
        "early": "ticket_read_early" in facts.claims,
    }


def _ticket_tables(facts: Facts) -> dict[str, bool]:
    found = facts.tickets[0] if facts.tickets else None
    return {
        "networks": found is not None,
        "matching": found is not None and bool(found.matching),
        "ahead": found is not None and bool(found.rivals),
        "masks": found is not None and bool(found.orders or found.basins),
        "early": found is not None and bool(found.early),
    }


def _located(facts: Facts) -> bool:
    """Whether the study says where the weights that matter are."""
    return target_table(facts.models) is not None or bool(facts.shared_rankings)


def sized(main: ModelFacts) -> list[Cell]:
    """The dense model and the points of the main curve whose file was written; empty where only one was."""
    cells = [main.dense] if isinstance(main.dense, Cell) else []
    cells += [point.cells[0] for point in (main.main.points if main.main else ())]
    found = [cell for cell in cells if not isinstance(cell.size, NotMeasured)]
    return found if len(found) > 1 else []
