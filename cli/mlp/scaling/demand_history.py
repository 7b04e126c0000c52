"""The demand on an endpoint, as CloudWatch has counted it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlp.files import write_whole
from mlscaling.measurements.invocations import read_invocations, whole_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlp.target import Target
    from mlscaling import History


def write_history(target: Target, dimensions: Mapping[str, str], days: int, path: Path) -> int:
    """Write `Invocations` as a CSV file, and say how many counts there are. A period without requests is 0."""
    end = whole_interval(datetime.now(tz=UTC))
    history = read_invocations(target.client("cloudwatch"), dimensions, end - timedelta(days=days), end)
    if history is None:
        return 0
    _write(history, path)
    return len(history.counts)


def _write(history: History, path: Path) -> None:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["time", "requests"])
    for place, count in enumerate(history.counts):
        moment = history.start + timedelta(seconds=place * history.interval_seconds)
        writer.writerow([moment.isoformat(), count])
    write_whole(path, lines.getvalue())
