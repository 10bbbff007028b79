"""What was submitted, kept beside the records: `<results>/<study>/jobs/<id>/submission.json`, with each job's logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FILE = "submission.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TaskEntry(_Part):
    """One task: its job, and the seconds foreseen for each of its cells and searches, by their ids."""

    job: Annotated[str, Field(pattern=r"^\d+(_\d+)?$")]
    models: tuple[str, ...]
    cells: dict[str, float]
    searches: dict[str, float]


class Submission(_Part):
    """`host` submitted it; `submitted` is UTC."""

    version: Literal["lottery-submission/1"] = "lottery-submission/1"
    kind: Literal["slurm", "local"]
    host: str
    submitted: str
    manifest: str
    tasks: tuple[TaskEntry, ...]


def jobs_folder(study: Path) -> Path:
    """The folder of a study's submissions, in its results folder."""
    return study / "jobs"


def log(folder: Path, job: str, stream: Literal["out", "err"]) -> Path:
    """A job's log, by submitit's name for it."""
    return folder / f"{job}_0_log.{stream}"


def keep(submission: Submission, folder: Path) -> None:
    (folder / FILE).write_text(submission.model_dump_json(indent=1) + "\n", encoding="utf-8")


def submissions(study: Path) -> list[tuple[Path, Submission]]:
    """A study's submissions with their folders, the last first; one that cannot be read is left out."""
    found = []
    for path in jobs_folder(study).glob(f"*/{FILE}"):
        try:
            found.append((path.parent, Submission.model_validate_json(path.read_bytes())))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda one: one[1].submitted, reverse=True)
