"""Choosing and ordering records by their columns: `ratio<2`, `target=attention`, `-ratio`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from suite.errors import InputError
from suite.records.columns import Column, Kind, Value, column
from suite.records.schema import Record

_CONDITION = re.compile(r"\s*([^=!<>~]*?)\s*(!=|<=|>=|==?|<|>|~)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one column. What was not measured satisfies none but `!=`."""

    column: Column
    operator: str
    operand: str | float

    def holds(self, record: Record) -> bool:
        value = self.column.read(record)
        if value is None:
            return self.operator == "!="
        if self.operator == "~":
            return str(self.operand) in str(value)
        equal = _equal(value, self.operand)
        if self.operator in ("=", "!="):
            return equal == (self.operator == "=")
        if equal:
            return self.operator.endswith("=")
        return _below(value, self.operand) == self.operator.startswith("<")


def condition(written: str) -> Condition:
    """Read `COLUMN OP VALUE`; a share may be written as a percentage.

    Raises:
        InputError: it is not of that form, there is no such column, or a number was expected and something else found.
    """
    found = _CONDITION.fullmatch(written)
    if not found or not found[1] or not found[3]:
        raise InputError(
            f"a condition is COLUMN OP VALUE, with OP one of = != < <= > >= ~ (contains), as in 'ratio<2'; "
            f"found {written!r}"
        )
    subject, operator, operand = column(found[1]), found[2].replace("==", "="), found[3]
    if subject.kind is Kind.TEXT or operator == "~":
        return Condition(subject, operator, operand)
    return Condition(subject, operator, _number(subject, operand))


def select(records: Iterable[Record], conditions: Iterable[Condition]) -> list[Record]:
    """The records that satisfy every condition, in the order given."""
    wanted = list(conditions)
    return [record for record in records if all(one.holds(record) for one in wanted)]


def ordered_by(records: Iterable[Record], keys: Iterable[str]) -> list[Record]:
    """The records by columns, the first key foremost, descending where a key begins with `-`; empty values come last.

    Raises:
        InputError: there is no such column.
    """
    found = list(records)
    chosen = [(column(key.removeprefix("-")), key.startswith("-")) for key in keys]
    for subject, descending in reversed(chosen):  # each sort is stable, so the foremost key goes last
        values: list[tuple[Any, Record]] = [(subject.read(record), record) for record in found]
        there = sorted((pair for pair in values if pair[0] is not None), key=lambda pair: pair[0], reverse=descending)
        found = [record for _, record in [*there, *(pair for pair in values if pair[0] is None)]]
    return found


def _number(subject: Column, written: str) -> float:
    percentage = subject.kind is Kind.SHARE and written.endswith("%")
    try:
        # As an exponent, not a division: 0.1 % is then the very float that 0.001 is.
        number = float(f"{written[:-1].rstrip()}e-2" if percentage else written)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InputError(f"column {subject.name!r} holds {subject.kind.value}, and {written!r} is not one")
    if subject.kind is Kind.SHARE and number > 1:
        raise InputError(
            f"column {subject.name!r} holds shares between 0 and 1, and {written!r} is none; write 0.5 or 50%"
        )
    return number


def _equal(value: Value, operand: str | float) -> bool:
    if isinstance(value, int | float) and isinstance(operand, int | float):
        return math.isclose(value, operand, rel_tol=1e-9)
    return value == operand


def _below(value: Value, operand: str | float) -> bool:
    if isinstance(value, int | float) and isinstance(operand, int | float):
        return value < operand
    return str(value) < str(operand)
