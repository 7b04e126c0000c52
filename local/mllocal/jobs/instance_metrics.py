"""What CloudWatch knows of the instances of a training job.

SageMaker sends `MemoryUtilization`, the share of an instance's memory that its container uses, every minute (developer guide, "Amazon
SageMaker AI metrics in Amazon CloudWatch"). Jobs here last seconds: a host sends its largest value, when its container has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mllocal.jobs.container import Container
from mllocal.jobs.runner import Job
from mlpipelines.instance_types import INSTANCE_TYPES

NAMESPACE = "/aws/sagemaker/TrainingJobs"


def put_memory(job: Job, instance_type: str, containers: Sequence[Container]) -> None:
    """Send what each host used; nothing for a type whose memory is not known."""
    data = list(_memory(job, instance_type, containers))
    if data:
        job.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)


def _memory(job: Job, instance_type: str, containers: Sequence[Container]) -> Iterator[dict[str, Any]]:
    instance = INSTANCE_TYPES.get(instance_type)
    for container in containers:
        peak = container.process.peak_memory_bytes
        if instance is not None and peak is not None:
            yield {
                "MetricName": "MemoryUtilization",
                "Dimensions": [{"Name": "Host", "Value": f"{job.name}/{container.host.name}"}],
                "Unit": "Percent",
                "Value": 100 * peak / instance.memory_bytes,
            }
