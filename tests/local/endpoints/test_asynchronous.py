"""Asynchronous endpoints: answers in S3, failures too, and no instance while there is nothing to do."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import mllocal
from tests.local.endpoints.models import create, put_config, put_model, settled, variant
from tests.local.endpoints.scaling import register, target_of, wait_for_capacity
from tests.local.workbench import Workbench


def put_endpoint(workbench: Workbench, name: str, **environment: str) -> None:
    output = {"S3OutputPath": workbench.uri(f"{name}/out"), "S3FailurePath": workbench.uri(f"{name}/failed")}
    put_config(
        workbench,
        name,
        variant(put_model(workbench, name, **environment)),
        AsyncInferenceConfig={"OutputConfig": output},
    )
    create(workbench, name, name)


def submit(workbench: Workbench, name: str, body: str) -> dict[str, str]:
    location = workbench.put(f"{name}/in/{body}.csv", body)
    answer: dict[str, str] = workbench.engine.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=name, InputLocation=location, ContentType="text/csv"
    )
    return answer


def content_of(workbench: Workbench, uri: str) -> str:
    """What an object holds once it is there."""
    key = uri.removeprefix(workbench.uri(""))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if key in workbench.keys(key):
            return workbench.get(key)
        time.sleep(0.1)
    raise TimeoutError(f"nothing was put to {uri}")


def test_it_wakes_from_zero_instances_for_a_request_and_goes_back_to_none(fast: Workbench) -> None:
    put_endpoint(fast, "sleeper")
    register(fast, "sleeper", 0, 2)
    scaling = fast.engine.client("application-autoscaling")
    scaling.put_scaling_policy(
        **target_of("sleeper"),
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5,
            "ScaleInCooldown": 60,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": "sleeper"}],
                "Statistic": "Average",
            },
        },
    )
    wake = scaling.put_scaling_policy(
        **target_of("sleeper"),
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 60,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    fast.engine.client("cloudwatch").put_metric_alarm(
        AlarmName="sleeper-wake",
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": "sleeper"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        AlarmActions=[wake["PolicyARN"]],
    )
    wait_for_capacity(fast, "sleeper", 0)
    good, bad = submit(fast, "sleeper", "21"), submit(fast, "sleeper", "-1")

    assert round(json.loads(content_of(fast, good["OutputLocation"]))["predictions"][0]) == 42
    assert "demand is negative" in content_of(fast, bad["FailureLocation"])
    wait_for_capacity(fast, "sleeper", 0)


def test_what_was_accepted_is_answered_by_the_next_engine(tmp_path: Path) -> None:
    engine = mllocal.up(tmp_path)
    try:
        workbench = Workbench.create(engine, "kept")
        put_endpoint(workbench, "kept", SECONDS="1", SAGEMAKER_MODEL_SERVER_WORKERS="1")
        accepted = [submit(workbench, "kept", str(number)) for number in range(5)]
        os.kill(engine.pid, signal.SIGKILL)
        while mllocal.engine(tmp_path) is not None:
            time.sleep(0.05)
        again = Workbench(mllocal.up(tmp_path), workbench.bucket)

        answers = [json.loads(content_of(again, one["OutputLocation"]))["predictions"][0] for one in accepted]
        assert [round(answer) for answer in answers] == [0, 2, 4, 6, 8]
        assert settled(again, "kept")["EndpointStatus"] == "InService"
    finally:
        mllocal.down(tmp_path)
