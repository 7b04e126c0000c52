"""Runs: search, compare and annotate the records of everything that ran."""
