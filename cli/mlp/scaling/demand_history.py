"""The demand on an endpoint, as CloudWatch has counted it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlp.target import Target

PERIOD_SECONDS = 300


def write_history(target: Target, endpoint: str, variant: str, days: int, path: Path) -> int:
    """Write `Invocations` of a variant as a CSV file, and say how many counts there were. A period without requests is 0."""
    end = datetime.now(tz=UTC).replace(second=0, microsecond=0)
    end -= timedelta(minutes=end.minute % 5)
    begin = end - timedelta(days=days)
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": dimensions}
    query = {"Id": "requests", "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": "Sum"}}
    pages = (
        target.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=[query], StartTime=begin, EndTime=end)
    )
    counted: dict[datetime, float] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            counted |= {
                moment.astimezone(UTC): value
                for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
            }
    if counted:
        _write(counted, min(counted), end, path)
    return len(counted)


def _write(counted: dict[datetime, float], begin: datetime, end: datetime, path: Path) -> None:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["time", "requests"])
    for place in range(int((end - begin).total_seconds() // PERIOD_SECONDS)):
        moment = begin + timedelta(seconds=place * PERIOD_SECONDS)
        writer.writerow([moment.isoformat(), counted.get(moment, 0)])
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(lines.getvalue(), encoding="utf-8")
    partial.replace(path)
