"""Records: everything one experiment measured, and everything needed to believe it."""

from suite.records.experiment import Experiment
from suite.records.plan import Plan, PlannedSearch
from suite.records.schema import SCHEMA, Record
from suite.records.store import Damage, Store, read_plans, read_records

__all__ = ["SCHEMA", "Damage", "Experiment", "Plan", "PlannedSearch", "Record", "Store", "read_plans", "read_records"]
