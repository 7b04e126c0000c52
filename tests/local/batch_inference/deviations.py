"""For a while, something that is deployed is otherwise than a deployment can make it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.local.batch_inference.lanes import Lanes


@contextmanager
def job_arguments(lanes: Lanes, lane: str, step: str, **arguments: Any) -> Iterator[None]:
    """Executions that start meanwhile have these arguments of a step's job."""
    sagemaker, name = lanes.engine.client("sagemaker"), f"{lanes.project}-{lane}"
    pipeline = sagemaker.describe_pipeline(PipelineName=name)
    definition = json.loads(pipeline["PipelineDefinition"])
    next(found for found in definition["Steps"] if found["Name"] == step)["Arguments"].update(arguments)

    def update(text: str) -> None:
        sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=pipeline["RoleArn"])

    update(json.dumps(definition))
    try:
        yield
    finally:
        update(pipeline["PipelineDefinition"])


@contextmanager
def altered_alarm(lanes: Lanes, name: str, **members: Any) -> Iterator[None]:
    """An alarm has these members of PutMetricAlarm."""
    cloudwatch = lanes.engine.client("cloudwatch")
    known = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    alarm = {member: value for member, value in found.items() if member in known}
    cloudwatch.put_metric_alarm(**{**alarm, **members})
    try:
        yield
    finally:
        cloudwatch.put_metric_alarm(**alarm)
