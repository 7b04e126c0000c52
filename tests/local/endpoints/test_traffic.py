"""How requests reach instances: full queues, shadows, canaries, and alarms that take a deployment back."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from botocore.exceptions import ClientError

from tests.local.endpoints.models import (
    capacity,
    create,
    invoke,
    put_config,
    put_model,
    settled,
    variant,
)
from tests.local.endpoints.scaling import impatient_client, load
from tests.local.workbench import Workbench


def test_an_instance_lets_no_more_wait_than_its_queue_holds(workbench: Workbench) -> None:
    model = put_model(
        workbench, "slow", SECONDS="2", SAGEMAKER_MODEL_SERVER_WORKERS="1", GUNICORN_CMD_ARGS="--backlog=1"
    )
    put_config(workbench, "slow", variant(model))
    create(workbench, "slow", "slow")
    client = impatient_client(workbench)
    codes = together(5, lambda: ask_once(client, "slow"))

    assert sorted(codes) == ["ModelError 502", "ModelError 502", "ModelError 502", "OK", "OK"]
    workbench.sagemaker.delete_endpoint(EndpointName="slow")


def test_a_serverless_variant_throttles_beyond_its_concurrency(workbench: Workbench) -> None:
    model = put_model(workbench, "serverless", SECONDS="2")
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    put_config(
        workbench, "serverless", {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": serverless}
    )
    endpoint = create(workbench, "serverless", "serverless")
    client = impatient_client(workbench)
    codes = together(4, lambda: ask_once(client, "serverless"))

    assert endpoint["ProductionVariants"][0]["CurrentServerlessConfig"] == serverless
    assert "CurrentInstanceCount" not in endpoint["ProductionVariants"][0]
    assert sorted(codes) == ["OK", "OK", "ThrottlingException", "ThrottlingException"]
    workbench.sagemaker.delete_endpoint(EndpointName="serverless")


def test_a_shadow_gets_a_copy_and_its_answer_is_dropped(fast: Workbench) -> None:
    shown, hidden = put_model(fast, "shown", LABEL="shown"), put_model(fast, "hidden", LABEL="hidden")
    put_config(fast, "shadowed", variant(shown), ShadowProductionVariants=[variant(hidden, "shadow")])
    endpoint = create(fast, "shadowed", "shadowed")
    labels = {invoke(fast, "shadowed")["label"] for _ in range(5)}

    assert endpoint["ShadowProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert labels == {"shown"}
    assert published(fast, "shadowed", "shadow", "Invocations", 5) == 5
    assert published(fast, "shadowed", "AllTraffic", "Invocations", 5) == 5
    assert published(fast, "shadowed", "AllTraffic", "Invocation5XXErrors", 0) == 0
    fast.sagemaker.delete_endpoint(EndpointName="shadowed")


def test_a_canary_gets_its_share_and_goes_back_when_an_alarm_is_raised(workbench: Workbench) -> None:
    for label in ("old", "new"):
        put_config(workbench, f"canary-{label}", variant(put_model(workbench, f"canary-{label}", LABEL=label)))
    create(workbench, "canary", "canary-old")
    workbench.put_alarm("canary-alarm")
    workbench.sagemaker.update_endpoint(
        EndpointName="canary",
        EndpointConfigName="canary-new",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 600,
                }
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "canary-alarm"}]},
        },
    )
    during = labels_until(workbench, "canary", {"old", "new"})
    workbench.engine.client("cloudwatch").put_metric_data(
        Namespace="canary-alarm", MetricData=[{"MetricName": "drift", "Value": 1}]
    )
    endpoint = settled(workbench, "canary")
    after = {invoke(workbench, "canary")["label"] for _ in range(10)}

    assert during == {"old", "new"}
    assert "canary-alarm" in endpoint["FailureReason"]
    assert (endpoint["EndpointConfigName"], capacity(endpoint), after) == ("canary-old", (1, 1), {"old"})
    workbench.sagemaker.delete_endpoint(EndpointName="canary")


def test_no_request_is_lost_while_an_endpoint_is_updated_and_scaled(workbench: Workbench) -> None:
    for label in ("before", "after"):
        put_config(workbench, f"gapless-{label}", variant(put_model(workbench, f"gapless-{label}", LABEL=label)))
    create(workbench, "gapless", "gapless-before")
    with load(workbench, "gapless", 50) as refused:
        workbench.sagemaker.update_endpoint(EndpointName="gapless", EndpointConfigName="gapless-after")
        settled(workbench, "gapless")
        for count in (2, 1):
            workbench.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName="gapless",
                DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
            )
            endpoint = settled(workbench, "gapless")

    assert refused == []
    assert capacity(endpoint) == (1, 1)
    assert invoke(workbench, "gapless")["label"] == "after"
    workbench.sagemaker.delete_endpoint(EndpointName="gapless")


def test_requests_and_answers_are_captured(workbench: Workbench) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": workbench.uri("captured"),
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
    put_config(workbench, "captured", variant(put_model(workbench, "captured")), DataCaptureConfig=capture)
    endpoint = create(workbench, "captured", "captured")
    invoke(workbench, "captured", "21", InferenceId="order-7")
    deadline = time.monotonic() + 30
    while not (keys := workbench.keys("captured/captured/AllTraffic/")) and time.monotonic() < deadline:
        time.sleep(0.2)
    line = json.loads(workbench.get(keys[0]))

    assert endpoint["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert line["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "21",
        "encoding": "CSV",
    }
    assert round(json.loads(line["captureData"]["endpointOutput"]["data"])["predictions"][0]) == 42
    assert line["eventMetadata"]["inferenceId"] == "order-7"
    workbench.sagemaker.delete_endpoint(EndpointName="captured")


def together(count: int, ask: Any) -> list[str]:
    codes: list[str] = []
    threads = [threading.Thread(target=lambda: codes.append(ask())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def ask_once(client: Any, name: str) -> str:
    """How a request ends that is not tried again."""
    try:
        client.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="1")
    except ClientError as error:
        status = error.response.get("OriginalStatusCode")
        code: str = error.response["Error"]["Code"]
        return code if status is None else f"{code} {status}"
    return "OK"


def labels_until(workbench: Workbench, name: str, wanted: set[str]) -> set[str]:
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while not wanted <= seen and time.monotonic() < deadline:
        seen.add(invoke(workbench, name)["label"])
    return seen


def published(workbench: Workbench, endpoint: str, name: str, metric: str, wanted: float) -> float:
    """The sum of a metric once it is what is wanted, or after a while."""
    deadline = time.monotonic() + 20
    total = -1.0
    while total < wanted and time.monotonic() < deadline:
        points = workbench.engine.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": name}],
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        total = sum((point["Sum"] for point in points), 0.0) if points else -1.0
        time.sleep(0.2)
    return total
