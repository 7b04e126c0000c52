"""Endpoints of the embedded AWS: they serve, they are updated without a gap, and a bad model goes back."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.endpoints.models import (
    BROKEN,
    capacity,
    create,
    invoke,
    put_config,
    put_model,
    settled,
    variant,
)
from tests.local.workbench import Workbench


def test_an_endpoint_answers_and_tells_errors_of_the_model_from_its_own(workbench: Workbench) -> None:
    put_config(workbench, "one", variant(put_model(workbench, "one"), count=2))
    endpoint = create(workbench, "one", "one")
    with pytest.raises(ClientError) as failed:
        invoke(workbench, "one", "-1")
    with pytest.raises(ClientError) as unknown:
        invoke(workbench, "one", TargetVariant="none")

    assert endpoint["EndpointStatus"] == "InService", endpoint
    assert capacity(endpoint) == (2, 2)
    assert invoke(workbench, "one")["predictions"] == [pytest.approx(42)]
    assert failed.value.response["Error"]["Code"] == "ModelError"
    assert failed.value.response["OriginalStatusCode"] == 500
    assert "demand is negative" in failed.value.response["Error"]["Message"]
    assert unknown.value.response["Error"]["Code"] == "ValidationError"

    workbench.sagemaker.delete_endpoint(EndpointName="one")
    workbench.sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName="one", WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
    )
    with pytest.raises(ClientError, match="not found"):
        invoke(workbench, "one")


def test_a_container_that_ends_is_an_error_of_the_model_and_started_again(workbench: Workbench) -> None:
    put_config(workbench, "fragile", variant(put_model(workbench, "fragile")))
    create(workbench, "fragile", "fragile")
    with pytest.raises(ClientError) as ended:
        invoke(workbench, "fragile", "666")
    deadline = time.monotonic() + 60
    answer = None
    while answer is None and time.monotonic() < deadline:
        with contextlib.suppress(ClientError):
            answer = invoke(workbench, "fragile")

    assert ended.value.response["Error"]["Code"] == "ModelError"
    assert ended.value.response["OriginalStatusCode"] == 0
    assert answer is not None
    assert workbench.sagemaker.describe_endpoint(EndpointName="fragile")["EndpointStatus"] == "InService"
    workbench.sagemaker.delete_endpoint(EndpointName="fragile")


def test_variants_get_requests_by_weight_and_shadows_a_copy(workbench: Workbench) -> None:
    first = put_model(workbench, "weighted-a", LABEL="a")
    second = put_model(workbench, "weighted-b", LABEL="b")
    put_config(
        workbench, "weighted", variant(first, "a", InitialVariantWeight=1), variant(second, "b", InitialVariantWeight=0)
    )
    create(workbench, "weighted", "weighted")
    before = {invoke(workbench, "weighted")["label"] for _ in range(10)}
    asked = invoke(workbench, "weighted", TargetVariant="b")["label"]
    workbench.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="weighted",
        DesiredWeightsAndCapacities=[
            {"VariantName": "a", "DesiredWeight": 0},
            {"VariantName": "b", "DesiredWeight": 1, "DesiredInstanceCount": 2},
        ],
    )
    endpoint = settled(workbench, "weighted")
    after = {invoke(workbench, "weighted")["variant"] for _ in range(10)}

    assert (before, asked, after) == ({"a"}, "b", {"b"})
    assert [item["CurrentInstanceCount"] for item in endpoint["ProductionVariants"]] == [1, 2]
    workbench.sagemaker.delete_endpoint(EndpointName="weighted")


def test_a_bad_model_is_rolled_back_and_a_good_one_keeps_the_capacity(workbench: Workbench) -> None:
    put_config(workbench, "first", variant(put_model(workbench, "first", LABEL="first")))
    put_config(workbench, "bad", variant(put_model(workbench, "bad", BROKEN)))
    put_config(workbench, "second", variant(put_model(workbench, "second", LABEL="second")))
    create(workbench, "changing", "first")
    workbench.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="changing", DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    )
    scaled = settled(workbench, "changing")

    workbench.sagemaker.update_endpoint(EndpointName="changing", EndpointConfigName="bad")
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        workbench.sagemaker.update_endpoint(EndpointName="changing", EndpointConfigName="second")
    rolled_back = settled(workbench, "changing")
    after_bad = invoke(workbench, "changing")["label"]
    workbench.sagemaker.update_endpoint(
        EndpointName="changing", EndpointConfigName="second", RetainAllVariantProperties=True
    )
    updated = settled(workbench, "changing")

    assert capacity(scaled) == (2, 2)
    assert rolled_back["EndpointConfigName"] == "first"
    assert "did not pass the ping health check" in rolled_back["FailureReason"]
    assert after_bad == "first"
    assert (updated["EndpointConfigName"], capacity(updated)) == ("second", (2, 2))
    assert "FailureReason" not in updated
    assert invoke(workbench, "changing")["label"] == "second"
    workbench.sagemaker.delete_endpoint(EndpointName="changing")


def test_states_of_an_endpoint_are_events(workbench: Workbench) -> None:
    events, sqs = workbench.engine.client("events"), workbench.engine.client("sqs")
    queue = sqs.create_queue(QueueName="endpoint-states")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}
    events.put_rule(Name="endpoint-states", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="endpoint-states", Targets=[{"Id": "queue", "Arn": arn}])
    put_config(workbench, "told", variant(put_model(workbench, "told", BROKEN)))
    endpoint = create(workbench, "told", "told")

    assert endpoint["EndpointStatus"] == "Failed"
    assert _states(sqs, queue, "told", "FAILED") == ["CREATING", "FAILED"]
    events.remove_targets(Rule="endpoint-states", Ids=["queue"])
    events.delete_rule(Name="endpoint-states")


def _states(sqs: Any, queue: str, name: str, last: str) -> list[str]:
    states: list[str] = []
    deadline = time.monotonic() + 30
    while last not in states and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            detail = json.loads(message["Body"])["detail"]
            states += [detail["EndpointStatus"]] if detail["EndpointName"] == name else []
    return states


def test_what_cannot_be_is_refused_with_every_problem(workbench: Workbench) -> None:
    model = put_model(workbench, "refused")
    with pytest.raises(ClientError) as refused:
        put_config(
            workbench,
            "refused",
            {"VariantName": "a", "ModelName": model},
            variant(model, "a", ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 1}),
        )
    with pytest.raises(ClientError, match="Could not find model 'nobody'"):
        put_config(workbench, "refused", variant("nobody"))
    with pytest.raises(ClientError, match="Could not find endpoint configuration 'nobody'"):
        workbench.sagemaker.create_endpoint(EndpointName="refused", EndpointConfigName="nobody")

    message = str(refused.value)
    for problem in ("a is used twice", "[0].InstanceType is missing", "[1] has InstanceType and ServerlessConfig"):
        assert problem in message
