"""Reads what features.py wrote."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from demand_features import FEATURES, TARGET, TIMESTAMP
from job import JobError


def read_table(directory: Path) -> pd.DataFrame:
    """Target and features, in time order, with hours as the index.

    Raises:
        JobError: no file, no rows, or not the columns that features.py writes.
    """
    files = sorted(directory.rglob("*.csv"))
    if not files:
        raise JobError(f"no *.csv file in {directory}; run features.py first")
    expected = [TIMESTAMP, TARGET, *FEATURES]
    tables = []
    for file in files:
        table = pd.read_csv(file, float_precision="round_trip")
        if list(table.columns) != expected:
            raise JobError(f"{file.name} has the columns {list(table.columns)}; features.py writes {expected}")
        tables.append(table)
    rows = pd.concat(tables)
    if rows.empty:
        raise JobError(f"zero rows in {directory}; run features.py on a longer history")
    return rows.assign(**{TIMESTAMP: pd.to_datetime(rows[TIMESTAMP])}).set_index(TIMESTAMP).sort_index()
