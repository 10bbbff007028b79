"""One experiment's model made again, and written as a directory that transformers loads."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from suite import __version__
from suite.errors import ExperimentError
from suite.interruption import stop_if_asked
from suite.manifest import Study
from suite.models import export as directory
from suite.pruning.masks import Bits
from suite.records import Experiment, Record
from suite.records.wording import describe
from suite.runner.environment import plugins_of
from suite.runner.section import Section
from suite.runner.session import Session
from suite.runner.texts import read

EXPORT = "lottery-export/1"


class Observer(Interface):
    """Whoever wants to be told how it goes."""

    def loading(self, model: str) -> None: ...
    def started(self, experiment: Experiment) -> None: ...
    def step(self, what: str, done: int, total: int) -> None: ...


def export(
    study: Study, experiment: Experiment, out: Path, compressed: bool, known: Record | None, observer: Observer
) -> dict[str, Any]:
    """Do to the model what the experiment asks for, and write it to the folder `out`.

    Args:
        compressed: store pruned tensors as a bitmap and their surviving values.
        known: the experiment's record, where there is one: what is written is what was measured.

    Returns:
        What `lottery.json` says.

    Raises:
        InputError: the model or a text cannot be used, or `out` is taken or cannot be written.
        ExperimentError: the experiment fails, or its masks are others than in the record.
    """

    def progress(what: str, done: int, total: int) -> None:
        stop_if_asked()
        observer.step(what, done, total)

    model = study.model(experiment.model)
    observer.loading(model.name)
    texts = (asked.text for asked in (experiment.calibration, experiment.recovery) if asked)
    brought = plugins_of(experiment, model)
    session = Session(model, *read(study, model, experiment, texts), out.parent, progress)
    try:
        observer.started(experiment)
        with ExitStack() as stack:
            sections, masks = _finish(session.transform(stack, experiment))
            digests = {name: getattr(sections.get(name), "mask_digest", None) for name in ("pruning", "recovered")}
            _compare(digests, known)
            held = {} if experiment.structured else masks  # what is taken out left a smaller model without zeros
            with directory.new_folder(out) as folder:
                details = {
                    "schema": EXPORT,
                    "suite": __version__,
                    "id": experiment.id,
                    "experiment": experiment.model_dump(mode="json"),
                    "model": model.summary.model_dump(mode="json"),
                    "mask_digest": digests["pruning"],
                    **({"plugins": [used.model_dump() for used in brought]} if brought else {}),
                    **directory.save(folder, session.loaded, held, compressed),
                }
                directory.explain(folder, describe(experiment), details)
    finally:
        session.close()
    return details


def _finish(steps: Generator[Section, None, dict[str, Bits]]) -> tuple[dict[str, Any], dict[str, Bits]]:
    """The record's sections of all steps, and the masks they come to."""
    sections: dict[str, Any] = {}
    while True:
        try:
            name, section = next(steps)
        except StopIteration as end:
            return sections, end.value
        sections[name] = section


def _compare(digests: dict[str, str | None], known: Record | None) -> None:
    for name, made in digests.items():
        section = getattr(known, name, None)
        if section is not None and section.mask_digest != made:
            said = f"{known.environment.hardware}, suite {known.environment.suite_version}" if known else ""
            raise ExperimentError(
                f"the mask made here has the digest {str(made)[:12]}, and the experiment's record ({said}) says "
                f"{section.mask_digest[:12]}: this is not the model that was measured; export it where the record "
                "was made, or measure it here into another folder and give that by --results"
            )
