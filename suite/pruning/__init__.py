"""Pruning: criteria, exact selection and masks. Pure functions on tensors that know nothing of models."""
