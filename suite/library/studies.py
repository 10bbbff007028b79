"""Studies and their records, from a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from suite.errors import InputError
from suite.records import Damage, Experiment, Record, Store
from suite.records import read_records as _read_records
from suite.records.columns import row_of

if TYPE_CHECKING:
    from pandas import DataFrame


class Records(Sequence[Record]):
    """Records in the order of their ids.

    `damaged` are files that could not be read, each with its reason.
    """

    def __init__(self, records: Sequence[Record], damaged: Sequence[Damage] = ()) -> None:
        self._records, self.damaged = tuple(records), tuple(damaged)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Records: ...
    def __getitem__(self, index: int | slice) -> Record | Records:
        return Records(self._records[index]) if isinstance(index, slice) else self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __repr__(self) -> str:
        return f"<{len(self)} records>"

    def to_pandas(self) -> DataFrame:
        """A row a record, with the columns of `lottery records --csv`."""
        from pandas import DataFrame

        return DataFrame([row_of(record) for record in self])


def read_records(*folders: str | Path) -> Records:
    """The records in results folders, and in the folders below them.

    Raises:
        InputError: a folder is not there.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise InputError(f"there is no folder {folder} to read records from")
    return Records(*_read_records([Path(folder) for folder in folders]))


def run(manifest: str | Path, results: str | Path = "results") -> Records:
    """Measure what of a study has no record yet, as `lottery run` does, and return its records, failed ones too.

    Args:
        manifest: a file, or the name of one that ships (`embedded.yaml`).
        results: the folder that gets a folder of the study's name.

    Raises:
        InputError: the manifest, a model or a text cannot be used.
    """
    from suite.manifest import read_study
    from suite.runner.run import Run

    study = read_study(Path(manifest))
    store = Store(Path(results) / study.name)
    Run(study, store, _Silent())()
    return read_records(store.folder)


class _Silent:
    """An observer of a run that says nothing."""

    def planned(self, total: int, there: int, searching: bool) -> None: ...
    def expected(self, total: int) -> None: ...
    def loading(self, model: str) -> None: ...
    def started(self, experiment: Experiment) -> None: ...
    def step(self, what: str, done: int, total: int) -> None: ...
    def finished(self, record: Record) -> None: ...
    def found(self, record: Record) -> None: ...
    def damaged(self, damage: Damage) -> None: ...
