"""What people write for `mlp scaling` as CSV files: a thing for each row, or all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from mlp.errors import CliError, bad_input
from mlscaling.measurements.csv_rows import InvalidCsvError, few_of, read_named_rows

T = TypeVar("T")
Row = Mapping[str, str]


def read_things(
    what: str, path: Path, columns: tuple[str, ...], parse: Callable[[Row], T], *, example: str
) -> tuple[T, ...]:
    """What `parse` makes of each row. Raises `CliError` with the lines of which it raises `ValueError` or `CliError`."""
    found, problems = [], []
    try:
        for number, row in read_named_rows(path, columns):
            try:
                found.append(parse(row))
            except CliError as error:
                problems.append(f"line {number}: {error.cause}")
            except ValueError as error:
                problems.append(f"line {number}: {error}")
    except (InvalidCsvError, OSError) as error:
        problems = [str(error)]
    if problems:
        fix = f"give the columns {','.join(columns)}, for example {example}"
        raise bad_input([f"{what} {path}: {few_of(problems)}"], fix=fix)
    return tuple(found)


def cell(row: Row, name: str, parse: Callable[[str], T], kind: str) -> T:
    """Raises `ValueError` with the name of the column if it cannot be parsed."""
    text = row.get(name, "")
    try:
        return parse(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; give {kind}") from None


def number(row: Row, name: str) -> float:
    """Raises `ValueError`."""
    return cell(row, name, float, "a number")


def text(row: Row, name: str) -> str:
    """Raises `ValueError` if there is none."""
    if not row[name]:
        raise ValueError(f"{name} is empty")
    return row[name]
