"""A query as SQL over the tables of the local copy; see `cache`. Values only ever are parameters. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from mlp.runs.fields import SPACES, Field, Kind, Reference
from mlp.runs.query import Comparison, Junction, Not

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlp.runs.query import Condition, Query, Sorting, Value

Keys: TypeAlias = "Mapping[tuple[str, str], int]"
"""The number of each name in each space."""
Parameter: TypeAlias = "str | float | int | bool | datetime"

_NEWEST_FIRST = "runs.created_at DESC NULLS LAST, runs.run DESC"


def compiled(query: Query, keys: Keys) -> tuple[str, list[Parameter]]:
    """A SELECT that answers `place`, the row id of each run that was found, in order; and its parameters."""
    sortings = [_sorting(sorting, number, keys) for number, sorting in enumerate(query.sortings)]
    condition, given = ("true", []) if query.condition is None else _condition(query.condition, keys)
    return _select(sortings, condition, given, query.limit)


def compiled_for_best(query: Query, keys: Keys) -> tuple[str, list[Parameter]] | None:
    """The same for a query with a limit that is ordered by a metric first, among the runs that have the metric; None for others.

    If it answers as many runs as the limit, they are the answer, which took a fraction of the time: only what is as good as the
    last of them is put in order with all that this takes.
    """
    if query.limit is None or not query.sortings or query.sortings[0].reference.target != SPACES["metric"]:
        return None
    first = query.sortings[0]
    direction, as_good, worst = ("DESC", ">=", "min") if first.descending else ("ASC", "<=", "max")
    chosen, of_key = _keys(first.reference, keys)
    condition, given = "", list[Parameter]()
    if query.condition is not None:
        condition, given = _condition(query.condition, keys)
        condition = f"AND run IN (SELECT run FROM runs WHERE {condition})"
    candidates = f"WITH candidates AS (SELECT run, value FROM numbers WHERE {chosen} {condition})"
    last = f"(SELECT {worst}(value) FROM (SELECT value FROM candidates ORDER BY value {direction} LIMIT ?))"
    best = f"JOIN ({candidates} SELECT * FROM candidates WHERE value {as_good} {last}) AS by0 ON by0.run = runs.run"
    others = [_sorting(sorting, number, keys) for number, sorting in enumerate(query.sortings[1:], start=1)]
    sortings = [(best, f"by0.value {direction}", [*of_key, *given, query.limit]), *others]
    return _select(sortings, "true", [], query.limit)


def _select(
    sortings: Sequence[tuple[str, str, list[Parameter]]], condition: str, given: list[Parameter], limit: int | None
) -> tuple[str, list[Parameter]]:
    joins = " ".join(join for join, _, _ in sortings)
    order = ", ".join((*(key for _, key, _ in sortings), _NEWEST_FIRST))
    sql = f"SELECT runs.rowid AS place FROM runs {joins} WHERE {condition} ORDER BY {order}"
    parameters = [value for _, _, values in sortings for value in values] + given
    return (sql, parameters) if limit is None else (f"{sql} LIMIT ?", [*parameters, limit])


def _sorting(sorting: Sorting, number: int, keys: Keys) -> tuple[str, str, list[Parameter]]:
    """A join, the key to order by, and the parameters of the join."""
    direction = f"{'DESC' if sorting.descending else 'ASC'} NULLS LAST"
    target = sorting.reference.target
    if isinstance(target, Field):
        return "", f"runs.{target.column} {direction}", []
    one = ("max" if sorting.descending else "min") if target.is_any else ""  # of several values of a run
    chosen, given = _keys(sorting.reference, keys)
    # Parameters are text: those that are numbers stand in the order of numbers, before the others.
    columns = ("value",) if target.kind is Kind.NUMBER else ("number", "value")
    selected = ", ".join(f"{one}({column}) AS {column}" for column in columns)
    grouped = "GROUP BY run" if target.is_any else ""
    join = f"LEFT JOIN (SELECT run, {selected} FROM {_table(sorting.reference)} WHERE {chosen} {grouped}) AS by{number}"
    order = ", ".join(f"by{number}.{column} {direction}" for column in columns)
    return f"{join} ON by{number}.run = runs.run", order, given


def _condition(condition: Condition, keys: Keys) -> tuple[str, list[Parameter]]:
    if isinstance(condition, Comparison):
        return _comparison(condition, keys)
    if isinstance(condition, Not):
        part, given = _condition(condition.part, keys)
        return f"(NOT {part})", given
    parts = [_condition(part, keys) for part in condition.parts]
    word = {"and": " AND ", "or": " OR "}[condition.word]
    return f"({word.join(part for part, _ in parts)})", [value for _, given in parts for value in given]


def _comparison(comparison: Comparison, keys: Keys) -> tuple[str, list[Parameter]]:
    asked, values = comparison.reference, [_parameter(value) for value in comparison.values]
    if isinstance(asked.target, Field):
        column = f"runs.{asked.target.column}"
        return f"coalesce({_test(column, comparison.operator, len(values))}, false)", values
    is_numeric = asked.target.kind is Kind.TEXT and bool(values) and isinstance(values[0], float)
    test = _test("number" if is_numeric else "value", comparison.operator, len(values))
    chosen, given = _keys(asked, keys)
    return f"(runs.run IN (SELECT run FROM {_table(asked)} WHERE {chosen} AND {test}))", [*given, *values]


def _test(column: str, operator: str, count: int) -> str:
    if operator == "exists":
        return f"{column} IS NOT NULL"
    if operator == "in":
        return f"{column} IN ({', '.join('?' * count)})"
    return f"{column} {operator.upper()} ?"


def _keys(asked: Reference, keys: Keys) -> tuple[str, list[Parameter]]:
    """The condition under which an entry is what is asked for."""
    if asked.name is not None:
        return "key = ?", [keys[asked.target.name, asked.name]]
    return "key IN (SELECT key FROM keys WHERE space = ?)", [asked.target.name]


def _table(asked: Reference) -> str:
    return "numbers" if asked.target.kind is Kind.NUMBER else "texts"


def _parameter(value: Value) -> Parameter:
    """The columns hold moments in UTC, without saying so."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def columns_asked(query: Query) -> Sequence[Reference]:
    """What a query names, each once, in order."""
    asked: dict[str, Reference] = {}

    def walk(condition: Condition | None) -> None:
        if isinstance(condition, Comparison):
            asked.setdefault(condition.reference.label, condition.reference)
        elif isinstance(condition, Not):
            walk(condition.part)
        elif isinstance(condition, Junction):
            for part in condition.parts:
                walk(part)

    walk(query.condition)
    for sorting in query.sortings:
        asked.setdefault(sorting.reference.label, sorting.reference)
    return tuple(asked.values())
