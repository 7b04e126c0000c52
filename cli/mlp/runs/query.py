"""A query as a tree. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from mlp.runs.fields import Reference

Value: TypeAlias = str | float | bool | datetime


@dataclass(frozen=True)
class Comparison:
    """`metric.rmse < 40`. Where a run has no such value, it is false; of several values, one is enough.

    `operator` is one of `= != < <= > >= like ilike in exists`. With a number beside it, text (of a parameter) is compared as a number.
    """

    reference: Reference
    operator: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Condition


@dataclass(frozen=True)
class Junction:
    """All parts with `and`, at least one with `or`."""

    word: str
    parts: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Not | Junction


@dataclass(frozen=True)
class Sorting:
    """By which value; runs without it come last."""

    reference: Reference
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """What to search: all runs when there is no condition, the newest first when there is no sorting, all when there is no limit."""

    condition: Condition | None = None
    sortings: tuple[Sorting, ...] = ()
    limit: int | None = None

    def limited(self, limit: int | None) -> Query:
        """The same with another limit."""
        return replace(self, limit=limit)
