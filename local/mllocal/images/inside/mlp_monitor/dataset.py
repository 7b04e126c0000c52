"""The dataset of an analysis: every file below a directory, as columns of text; a missing value is None."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas

from .settings import AnalysisError, Document


def read_dataset(source: Path, dataset_format: Document) -> pandas.DataFrame:
    """Read CSV (with or without header), JSON lines or Parquet. Raises `AnalysisError` for an unknown format or no rows."""
    files = [path for path in sorted(source.rglob("*")) if path.is_file()] if source.is_dir() else [source]
    tables = [_read(path, dataset_format) for path in files]
    if not tables or not sum(len(table) for table in tables):
        raise AnalysisError(f"there are no rows in {source}")
    return pandas.concat(tables, ignore_index=True)


def _read(path: Path, dataset_format: Document) -> pandas.DataFrame:
    match dataset_format:
        case {"csv": dict(options)}:
            return _read_csv(path, bool(options.get("header", True)))
        case {"json": _}:
            return pandas.DataFrame(list(_json_records(path)))
        case {"parquet": _}:
            return pandas.read_parquet(path)
        case _:
            raise AnalysisError(f"dataset_format {sorted(dataset_format)} is not one of csv, json, parquet")


def _read_csv(path: Path, has_header: bool) -> pandas.DataFrame:
    table = pandas.read_csv(
        path, header=0 if has_header else None, dtype=str, keep_default_na=False, na_values=[""], skipinitialspace=True
    )
    # Spark's names, which the analyzer gives to columns without a header.
    table.columns = [str(name) if has_header else f"_c{name}" for name in table.columns]
    return table


def _json_records(path: Path) -> Iterator[dict[str, Any]]:
    text = path.read_text().strip()
    if text.startswith("["):
        yield from (_flat(record) for record in json.loads(text))
    else:
        yield from (_flat(json.loads(line)) for line in text.splitlines() if line.strip())


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested record with its names joined by dots."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            flat |= {f"{prefix}{name}_{position}": item for position, item in enumerate(value)}
        else:
            flat[f"{prefix}{name}"] = value
    return flat
