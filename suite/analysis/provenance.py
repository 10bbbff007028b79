"""What made the numbers: models, texts, machines, versions; each list holds every variant the records hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from suite.analysis.cells import Cell
from suite.analysis.values import NotMeasured
from suite.records.schema import Environment, Protocol


@dataclass(frozen=True, slots=True)
class TextUse:
    """One text read under one protocol: `tokens` predicted in `windows`."""

    name: str
    protocol: Protocol
    tokens: int
    windows: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Where cells ran, as the run described it."""

    hardware: str
    device: str
    system: str
    threads: int
    memory_bytes: int
    cells: int


@dataclass(frozen=True, slots=True)
class Provenance:
    texts: tuple[TextUse, ...]
    machines: tuple[Machine, ...]
    commits: tuple[str, ...]
    images: tuple[str, ...]
    versions: tuple[str, ...]
    libraries: tuple[tuple[str, tuple[str, ...]], ...]
    revisions: tuple[tuple[str, str], ...]  # model, revision
    dtypes: tuple[str, ...]
    dtype_reasons: tuple[str, ...]
    softmax: tuple[str, ...]  # in what the exponentials of losses were summed
    prompts: tuple[int, ...]  # that were continued, most first
    new_tokens: tuple[int, ...]  # by so many, most first
    seconds: float  # all experiments together
    measured: tuple[str, str]  # first and last start, ISO 8601
    unversioned: int  # cells whose suite had no commit
    plugins: tuple[str, ...] = ()  # what other packages brought, and which

    @property
    def text_hashes(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted({(use.name, use.protocol.text_sha256) for use in self.texts}))

    @property
    def tokenizer_hashes(self) -> tuple[str, ...]:
        return tuple(sorted({use.protocol.tokenizer_sha256 for use in self.texts}))

    @property
    def commit(self) -> str | NotMeasured:
        return ", ".join(c[:12] for c in self.commits) if self.commits else NotMeasured("run outside a git checkout")


def provenance(cells: Iterable[Cell]) -> Provenance:
    """Every value in a stable order. Failed cells took time too, but made no number, so their machines do not count."""
    found = list(cells)
    environments = [cell.record.environment for cell in found if cell.done]
    machines: dict[tuple[str, str, str, int, int], int] = {}
    for e in environments:
        key = (e.hardware, e.device, e.system, e.threads, e.memory_bytes)
        machines[key] = machines.get(key, 0) + 1
    names = sorted({name for e in environments for name in e.libraries})
    written = {cell.experiment.generation for cell in found if cell.done and cell.experiment.writes}
    starts = sorted(cell.record.environment.started for cell in found)
    return Provenance(
        texts=_texts(found),
        machines=tuple(Machine(*key, cells=machines[key]) for key in sorted(machines)),
        commits=_variants(environments, lambda e: e.commit),
        images=_variants(environments, lambda e: e.image_digest),
        versions=_variants(environments, lambda e: e.suite_version),
        libraries=tuple((name, _library(environments, name)) for name in names),
        revisions=tuple(sorted({(c.experiment.model, c.experiment.revision) for c in found})),
        dtypes=_variants(environments, lambda e: e.dtype),
        dtype_reasons=_variants(environments, lambda e: e.dtype_reason),
        softmax=tuple(sorted({c.quality.protocol.softmax for c in found if not isinstance(c.quality, NotMeasured)})),
        prompts=tuple(sorted({asked.prompts for asked in written}, reverse=True)),
        new_tokens=tuple(sorted({asked.tokens for asked in written}, reverse=True)),
        seconds=sum(cell.record.environment.seconds for cell in found),
        measured=(starts[0], starts[-1]),
        unversioned=sum(e.commit is None for e in environments),
        plugins=tuple(sorted({used.words for e in environments for used in e.plugins})),
    )


def _variants(environments: Iterable[Environment], value: Callable[[Environment], str | None]) -> tuple[str, ...]:
    return tuple(sorted({found for e in environments if (found := value(e))}))


def _library(environments: Iterable[Environment], name: str) -> tuple[str, ...]:
    return _variants(environments, lambda e: e.libraries.get(name))


def _texts(cells: Iterable[Cell]) -> tuple[TextUse, ...]:
    uses: dict[tuple[object, ...], TextUse] = {}
    for cell in cells:
        if cell.experiment.baseline_precision:
            continue  # the text is read as the baseline reads it, but for the precision that the cell names
        if not isinstance(quality := cell.quality, NotMeasured):
            p = quality.protocol
            key = (
                cell.experiment.text.name,
                p.text_sha256,
                p.tokenizer_sha256,
                p.context,
                p.stride,
                p.bos,
                p.windows,
                p.text_windows,
                p.dtype,
                p.attention,
            )
            uses.setdefault(key, TextUse(cell.experiment.text.name, p, quality.tokens, quality.windows))
    return tuple(uses[key] for key in sorted(uses, key=repr))
