"""Tests of records -> facts."""
