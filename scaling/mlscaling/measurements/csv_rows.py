"""Rows of CSV files that people write, by the number of their line. Standard library only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

_NAMED = 3
"""How many of many problems are named: what is wrong in one line often is in all."""


class InvalidCsvError(ValueError):
    """A file that is no CSV file; the message says why, and what to do."""


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """All that are not blank, in UTF-8, with the byte order mark that Excel puts first or without.

    Raises `InvalidCsvError`; `OSError` if it cannot be read at all.
    """
    content = path.read_bytes()
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        for row in reader:
            if row:
                yield reader.line_num, row
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"line {line} has the byte 0x{content[error.start]:02x}, which is not UTF-8"
        raise InvalidCsvError(f"{problem}; save the file as UTF-8") from error
    except csv.Error as error:
        raise InvalidCsvError(f"line {reader.line_num}: {error}; save the file as CSV") from error


def read_named_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Cells by the names of their columns, which are in the first row; one that is not there is empty.

    Raises `InvalidCsvError`, also without one of `columns`, and for a row with more cells than there are columns.
    """
    rows = read_rows(path)
    names = [name.strip() for name in next(rows, (0, []))[1]]
    if missing := [f"there is no column '{name}'" for name in columns if name not in names]:
        raise InvalidCsvError(f"{'; '.join(missing)}; the first row is {','.join(names)!r}")
    for number, row in rows:
        if len(row) > len(names):
            problem = f"line {number} has {len(row)} cells, and there are {len(names)} columns"
            raise InvalidCsvError(f"{problem}; write numbers with a point, and text with a comma in quotes")
        yield number, dict.fromkeys(names, "") | dict(zip(names, map(str.strip, row), strict=False))


def few_of(problems: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(problems) - _NAMED
    return "; ".join([*problems[:_NAMED], *([f"and {more} more like these"] if more > 0 else [])])
