"""What a training job used of its machines' memory: as SageMaker measured it, so that no script has to.

CloudWatch has `MemoryUtilization`, the share of an instance's memory that the containers use, by host and minute (developer guide, "Amazon
SageMaker AI metrics in Amazon CloudWatch"). What was needed for less than a minute may be missing in it, and a job of a minute or less may
have no value at all: then nothing is learned from it, and the next one is planned as if it had not been.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mlscaling.jobs.ladder import Ladder, Usage

NAMESPACE = "/aws/sagemaker/TrainingJobs"
MARGIN = timedelta(minutes=5)  # Values come after the minute that they are of.
PERIOD_SECONDS = 300  # The finest that is kept for as long as a job may run (user guide, "Metrics retention").


def usage_of(cloudwatch: Any, job: Mapping[str, Any], ladder: Ladder, input_bytes: int) -> Usage | None:
    """What the host of a job needed that needed most; None where nothing is known, or the type is not on the ladder any more."""
    rung = ladder.rung(job["ResourceConfig"]["InstanceType"])
    percent = _largest_percent(cloudwatch, job)
    if rung is None or percent is None:
        return None
    return Usage(
        instance_type=rung.instance_type,
        rows=0,
        input_bytes=input_bytes,
        seconds=(job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds(),
        peak_memory_bytes=int(percent / 100 * rung.memory_bytes),
    )


def _largest_percent(cloudwatch: Any, job: Mapping[str, Any]) -> float | None:
    """Of all hosts and times. One request may ask for 500 metrics (API reference, GetMetricData), more than a job has hosts."""
    hosts = [f"algo-{number}" for number in range(1, job["ResourceConfig"]["InstanceCount"] + 1)]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[
            _query(f"{job['TrainingJobName']}/{host}", f"host{number}") for number, host in enumerate(hosts)
        ],
        StartTime=job["TrainingStartTime"] - MARGIN,
        EndTime=job["TrainingEndTime"] + MARGIN,
    )
    values = [value for page in pages for result in page["MetricDataResults"] for value in result["Values"]]
    return max(values, default=None)


def _query(host: str, query_id: str) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": "MemoryUtilization",
        "Dimensions": [{"Name": "Host", "Value": host}],
    }
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": "Maximum"}}
