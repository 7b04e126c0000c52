"""Metrics of the embedded services in ministack's CloudWatch, where alarms see them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from mllocal.sagemaker.store import Scope

MOST_POINTS = 20_000
"""Of one metric; the oldest are forgotten. CloudWatch keeps by age what would fill a laptop's memory here."""


def put_metrics(scope: Scope, namespace: str, data: Sequence[dict[str, Any]]) -> None:
    """What `PutMetricData` does. It is on disk when CloudWatch's state is next written: no client was told of it."""
    with request_scope(scope.account, scope.region):
        for datum in data:
            dimensions = {pair["Name"]: pair["Value"] for pair in datum["Dimensions"]}
            name, values = datum["MetricName"], (datum["Values"], datum["Counts"])
            cloudwatch._store_datum(namespace, name, dimensions, datum["Timestamp"], datum["Unit"], None, *values, None)
            points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
            del points[: len(points) - MOST_POINTS]
        cloudwatch._evaluate_all_alarms()
