"""Comparison: do the records of one results folder reproduce those of another, cell by cell and claim by claim?"""
