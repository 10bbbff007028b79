"""Records: everything one experiment measured, and everything needed to believe it."""

from suite.records.schema import SCHEMA, Experiment, Record
from suite.records.store import Store, read_records

__all__ = ["SCHEMA", "Experiment", "Record", "Store", "read_records"]
