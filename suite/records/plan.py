"""What a study set out to measure: kept beside its records, so that a report can say what is still missing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from suite.records.schema import Experiment

PLAN_SCHEMA = "lottery-plan/1"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PlannedSearch(_Part):
    """A search for a cliff: the `template` is its experiment, but for the sparsity; `factors` are of the dense ppl."""

    template: Experiment
    factors: tuple[float, ...]


class Plan(_Part):
    """A study as it was when it was last run: its experiments in running order, and the manifest word for word."""

    version: str = PLAN_SCHEMA
    name: str
    title: str
    manifest: str
    experiments: tuple[Experiment, ...]
    searches: tuple[PlannedSearch, ...] = ()
