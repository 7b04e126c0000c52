"""Rows of runs that a query found, and as flat tables, whose columns are called as in the query language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlp.runs.fields import FIELDS, SPACES, label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlrecords.rows import Row

SHORT_ID = 12
"""Characters of a run id that people are shown."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a query found: rows of runs in order, and what the query named, as one writes it."""

    rows: tuple[Row, ...]
    asked: tuple[str, ...]
    has_more: bool


def flat(row: Row) -> dict[str, Any]:
    """What a run has: `{"state": "Completed", "metric.rmse": 39.5, ...}`."""
    fields = {field.name: row[field.column] for field in FIELDS.values() if field.column in row}
    named = {
        label(space.name, name): value
        for space in SPACES.values()
        for name, value in sorted(_by_name(space.name, row.get(space.column, {})).items())
    }
    return fields | named


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """All columns of flat rows: fields in their order, then the rest by name."""
    there = {name for row in rows for name in row}
    return [name for name in FIELDS if name in there] + sorted(there - set(FIELDS))


def short(value: object) -> str:
    """A value for a narrow column."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text.replace("sha256:", "")[:12] if text.startswith("sha256:") else text


def _by_name(space: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row has the relations of parents by their run ids; a run may have several of one relation."""
    if space != "parent":
        return values
    relations: dict[str, list[str]] = {}
    for run_id, relation in sorted(values.items()):
        relations.setdefault(relation, []).append(run_id)
    return {relation: ", ".join(run_ids) for relation, run_ids in relations.items()}
