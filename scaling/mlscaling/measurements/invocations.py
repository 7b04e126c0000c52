"""The demand of an endpoint, as CloudWatch has counted it. Standard library only; the client is given by who asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mlscaling.measurements.history import History

INTERVAL_SECONDS = 300
KEPT_DAYS = 63
"""How long CloudWatch keeps values of five minutes (user guide, "Metrics retention")."""


def read_invocations(cloudwatch: Any, dimensions: Mapping[str, str], begin: datetime, end: datetime) -> History | None:
    """Requests in each five minutes from the first that has any to `end`; None without any. One without requests is 0.

    Args:
        cloudwatch: a boto3 client.
        dimensions: of the metric `Invocations`: `EndpointName` and `VariantName`, or `InferenceComponentName`.
        begin, end: whole intervals, see `whole_interval`.
    """
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": named}
    query = {"Id": "requests", "MetricStat": {"Metric": metric, "Period": INTERVAL_SECONDS, "Stat": "Sum"}}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query], StartTime=begin, EndTime=end
    )
    counted: dict[datetime, float] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            moments = (moment.astimezone(UTC) for moment in result["Timestamps"])
            counted |= dict(zip(moments, result["Values"], strict=True))
    if not counted:
        return None
    first, interval = min(counted), timedelta(seconds=INTERVAL_SECONDS)
    counts = tuple(counted.get(first + place * interval, 0.0) for place in range((end - first) // interval))
    return History(start=first, interval_seconds=INTERVAL_SECONDS, counts=counts)


def whole_interval(moment: datetime) -> datetime:
    """The begin of the five minutes that a moment is in."""
    utc = moment.astimezone(UTC)
    return utc - timedelta(minutes=utc.minute % 5, seconds=utc.second, microseconds=utc.microsecond)
