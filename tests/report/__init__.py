"""Tests of facts -> figures, poster and paper."""
