"""What a training job used of its machines' memory: as SageMaker measured it, so that no script has to.

CloudWatch has `MemoryUtilization`, the share of an instance's memory that the containers use, by host and minute (developer guide, "Amazon
SageMaker AI metrics in Amazon CloudWatch"). What was needed for less than a minute may be missing in it, and a job of a minute or less may
have no value at all: then nothing is learned from it, and the next one is planned as if it had not been.
"""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mlscaling.ladder import Ladder, Usage

NAMESPACE = "/aws/sagemaker/TrainingJobs"
MARGIN = timedelta(minutes=5)  # Values come after the minute that they are of.
_MINUTE = 60
_MOST_VALUES = 1_440  # API reference, GetMetricStatistics: in one answer.


def usage_of(cloudwatch: Any, job: Mapping[str, Any], ladder: Ladder, input_bytes: int) -> Usage | None:
    """What the host of a job needed that needed most; None where nothing is known, or the type is not on the ladder any more."""
    resources = job["ResourceConfig"]
    rung = ladder.rung(resources["InstanceType"])
    hosts = [f"algo-{number}" for number in range(1, resources["InstanceCount"] + 1)]
    percents = [percent for host in hosts if (percent := _largest_percent(cloudwatch, job, host)) is not None]
    if rung is None or not percents:
        return None
    return Usage(
        instance_type=rung.instance_type,
        rows=0,
        input_bytes=input_bytes,
        seconds=(job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds(),
        peak_memory_bytes=int(max(percents) / 100 * rung.memory_bytes),
    )


def _largest_percent(cloudwatch: Any, job: Mapping[str, Any], host: str) -> float | None:
    start, end = job["TrainingStartTime"] - MARGIN, job["TrainingEndTime"] + MARGIN
    minutes = math.ceil((end - start).total_seconds() / _MINUTE / _MOST_VALUES)
    values = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="MemoryUtilization",
        Dimensions=[{"Name": "Host", "Value": f"{job['TrainingJobName']}/{host}"}],
        StartTime=start,
        EndTime=end,
        Period=minutes * _MINUTE,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max((value["Maximum"] for value in values), default=None)
