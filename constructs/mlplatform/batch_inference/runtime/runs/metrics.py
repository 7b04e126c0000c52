"""What a run tells CloudWatch once it is published, and what it cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DIMENSION = "Pipeline"
_UNITS = {"Rows": "Count", "SetAsideRows": "Count"}


@dataclass(frozen=True)
class Job:
    """A processing job that has ended: what SageMaker bills it by."""

    instance_type: str
    instance_count: int
    seconds: float


def metric_data(pipeline_name: str, values: Mapping[str, float | None], at: datetime) -> list[dict[str, Any]]:
    """The data of PutMetricData; what is not known is left out."""
    return [
        {
            "MetricName": name,
            "Dimensions": [{"Name": DIMENSION, "Value": pipeline_name}],
            "Timestamp": at,
            "Value": float(value),
            "Unit": _UNITS.get(name, "None"),
        }
        for name, value in values.items()
        if value is not None
    ]


def put_metrics(
    cloudwatch: Any, namespace: str, pipeline_name: str, values: Mapping[str, float | None], at: datetime
) -> None:
    """Put the metrics that are known, in one call."""
    if data := metric_data(pipeline_name, values, at):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def jobs_of(sagemaker: Any, execution_arn: str) -> list[Job]:
    """The processing jobs of an execution that have ended.

    A step that was answered from the cache counts, too: the cache is of this run, so an earlier attempt paid for it.
    """
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution_arn)
    arns = {
        metadata["ProcessingJob"]["Arn"]
        for page in pages
        for step in page["PipelineExecutionSteps"]
        if "ProcessingJob" in (metadata := step.get("Metadata", {}))
    }
    described = [sagemaker.describe_processing_job(ProcessingJobName=arn.rpartition("/")[2]) for arn in sorted(arns)]
    return [
        Job(
            instance_type=cluster.get("InstanceType", ""),
            instance_count=cluster["InstanceCount"],
            seconds=(job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds(),
        )
        for job in described
        if "ProcessingEndTime" in job and "ProcessingStartTime" in job
        for cluster in [job["ProcessingResources"]["ClusterConfig"]]
    ]


def cost_usd(jobs: Iterable[Job], usd_per_hour: Mapping[str, float]) -> float | None:
    """What the instances cost, by list price; None if the price of one is not known, rather than a figure that is too low."""
    jobs = list(jobs)
    if not jobs or any(job.instance_type not in usd_per_hour for job in jobs):
        return None
    return sum(usd_per_hour[job.instance_type] * job.instance_count * job.seconds / 3600 for job in jobs)
