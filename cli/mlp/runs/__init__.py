"""Runs: search, compare and annotate the records of everything that ran. In a notebook: `from mlp.runs import Runs`."""

from mlp.errors import CliError
from mlp.runs.language import QueryError
from mlp.runs.library import Runs

__all__ = ["CliError", "QueryError", "Runs"]
