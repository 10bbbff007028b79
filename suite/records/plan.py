"""What a study set out to measure: kept beside its records, so that a report can say what is still missing."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from suite.paths import is_folder_name
from suite.records.experiment import Experiment

STUDY_PLAN: Literal["lottery-study-plan/1"] = "lottery-study-plan/1"  # `lottery plan --json` has a schema of its own


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PlannedSearch(_Part):
    """A search for a cliff: the `template` is its experiment, but for the sparsity; `factors` are of the dense ppl. A
    `sequential` one may stop its steps early."""

    template: Experiment
    factors: tuple[float, ...]
    sequential: bool = False


class Plan(_Part):
    """A study as it was when it was last run: its experiments in running order, and the manifest word for word."""

    version: Literal["lottery-study-plan/1"] = STUDY_PLAN
    name: str
    title: str
    manifest: str
    experiments: tuple[Experiment, ...]
    searches: tuple[PlannedSearch, ...] = ()

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not is_folder_name(name):
            raise ValueError(f"{name!r} names no study's folder")
        return name

    def to_json(self) -> str:
        """The plan as it is kept; what an experiment leaves at its default is left out."""
        content = {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
