"""Scalable targets, and load on endpoints, as the tests of scaling need them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from mlp.main import app
from tests.local.endpoints.models import capacity
from tests.local.workbench import Workbench

PATIENCE_SECONDS = 90


def mlp(workbench: Workbench, *arguments: str) -> Any:
    """What a command says as JSON."""
    result = CliRunner().invoke(app, [*arguments, "--json", "--endpoint-url", workbench.engine.endpoint_url])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def target_of(endpoint: str) -> dict[str, str]:
    """What names a target in every request."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def register(workbench: Workbench, endpoint: str, low: int, high: int) -> None:
    workbench.engine.client("application-autoscaling").register_scalable_target(
        **target_of(endpoint), MinCapacity=low, MaxCapacity=high
    )


def track(workbench: Workbench, endpoint: str, metric: str, target: float, **members: Any) -> dict[str, Any]:
    """Put a target tracking policy on a predefined metric."""
    answer: dict[str, Any] = workbench.engine.client("application-autoscaling").put_scaling_policy(
        **target_of(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            **members,
        },
    )
    return answer


def step(
    workbench: Workbench, endpoint: str, name: str, configuration: dict[str, Any], alarm: str, **watched: Any
) -> None:
    """Put a step policy in percent, and the alarm on invocations per instance that calls it."""
    policy = workbench.engine.client("application-autoscaling").put_scaling_policy(
        **target_of(endpoint),
        PolicyName=name,
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "PercentChangeInCapacity", **configuration},
    )
    workbench.engine.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="InvocationsPerInstance",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        Statistic="Sum",
        AlarmActions=[policy["PolicyARN"]],
        **watched,
    )


def ended_activities(workbench: Workbench, endpoint: str) -> list[dict[str, Any]]:
    """All that were, the newest first, once none is in progress."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = activities(workbench, endpoint)
        if all(activity["StatusCode"] != "InProgress" for activity in found):
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{endpoint} has an activity that does not end: {found}")


def activities(workbench: Workbench, endpoint: str) -> list[dict[str, Any]]:
    """The newest first."""
    found: list[dict[str, Any]] = workbench.engine.client("application-autoscaling").describe_scaling_activities(
        **target_of(endpoint)
    )["ScalingActivities"]
    return found


def wait_for_capacity(workbench: Workbench, endpoint: str, count: int) -> None:
    """Return when so many instances are wanted and in service."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = workbench.sagemaker.describe_endpoint(EndpointName=endpoint)
        if found["EndpointStatus"] == "InService" and capacity(found) == (count, count):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{endpoint} has not {count} instances: {capacity(found)}, {activities(workbench, endpoint)}")


def impatient_client(workbench: Workbench) -> Any:
    """A client of the runtime that tries nothing again."""
    engine = workbench.engine
    session = boto3.Session(
        aws_access_key_id=engine.account, aws_secret_access_key="embedded", region_name=engine.region
    )
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=64)
    return session.client("sagemaker-runtime", endpoint_url=engine.endpoint_url, config=config)


@contextmanager
def load(workbench: Workbench, endpoint: str, requests_per_second: float) -> Iterator[list[str]]:
    """Requests as long as the block lasts, each tried once; yields the codes of those that were refused."""
    stop, refused = threading.Event(), list[str]()
    client = impatient_client(workbench)

    def send() -> None:
        while not stop.wait(1 / requests_per_second):
            threading.Thread(target=ask, daemon=True).start()

    def ask() -> None:
        try:
            client.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body="1")
        except ClientError as error:
            refused.append(error.response["Error"]["Code"])

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield refused
    finally:
        stop.set()
        thread.join()
