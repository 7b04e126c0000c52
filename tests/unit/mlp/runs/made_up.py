"""Rows of runs, made up, and what a query means, said once more in Python."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mlp.runs.fields import SPACES, Field, Kind, Reference
from mlp.runs.language import parse
from mlp.runs.query import Comparison, Condition, Junction, Not, Query
from mlrecords.rows import Row

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def row(run_id: str, revision: int = 1, **said: Any) -> Row:
    return {
        "run_id": run_id,
        "revision": revision,
        "record": f"sha256:{run_id}{revision}",
        "kind": "training-job",
        "name": f"job-{run_id}",
        "state": "Completed",
        **said,
    }


def names_of(rows: list[Row]) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    for one in rows:
        for space in SPACES.values():
            said = one.get(space.column, {})
            names.setdefault(space.name, set()).update(said.values() if space.name == "parent" else said)
    return names


def read(text: str, rows: list[Row]) -> Query:
    return parse(text, names_of(rows), now=NOW)


def is_so(condition: Condition, one: Row) -> bool:
    """What a condition means."""
    if isinstance(condition, Not):
        return not is_so(condition.part, one)
    if isinstance(condition, Junction):
        return {"and": all, "or": any}[condition.word](is_so(part, one) for part in condition.parts)
    return any(_compares(condition, value) for value in values_of(condition.reference, one))


def values_of(asked: Reference, one: Row) -> list[Any]:
    target = asked.target
    if isinstance(target, Field):
        value = one.get(target.column)
        return [] if value is None else [datetime.fromisoformat(value) if target.kind is Kind.MOMENT else value]
    said = one.get(target.column, {})
    pairs = [(relation, run) for run, relation in said.items()] if target.name == "parent" else list(said.items())
    return [value for name, value in pairs if asked.name in (None, name)]


def _compares(comparison: Comparison, value: Any) -> bool:
    if comparison.operator == "exists":
        return True
    wanted = comparison.values
    if isinstance(wanted[0], float) and isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    if comparison.operator == "in":
        return value in wanted
    (other,) = wanted
    if comparison.operator == "like":
        assert isinstance(other, str)
        return bool(value.startswith(other.rstrip("%")) if other.endswith("%") else value == other)
    results: dict[str, bool] = {"=": value == other, "!=": value != other}
    if comparison.operator not in results:
        results = {
            "<": value < other,
            "<=": value <= other,
            ">": value > other,
            ">=": value >= other,
        }
    return results[comparison.operator]
