"""Faults of AWS on request, as an unmodified SDK meets them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import mllocal
from tests.local.workbench import ROLE, Workbench

PATIENCE_SECONDS = 60


@pytest.fixture
def faulty(workbench: Workbench) -> Iterator[Workbench]:
    """A workbench whose faults end with the test."""
    yield workbench
    workbench.engine.put_faults()


def impatient(engine: mllocal.Engine, service: str) -> Any:
    """A client that tries once."""
    session = boto3.Session(engine.account, "secret", region_name=engine.region)
    return session.client(service, endpoint_url=engine.endpoint_url, config=Config(retries={"total_max_attempts": 1}))


def wait_for(workbench: Workbench, prefix: str, count: int) -> list[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(keys := workbench.keys(prefix)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return keys


def create_function(workbench: Workbench, name: str, code: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("code.py", code)
    function = workbench.engine.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="code.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=30,
        Environment={"Variables": {"BUCKET": workbench.bucket}},
    )
    arn: str = function["FunctionArn"]
    return arn


CALLS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "s3:PutObject": ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}, "SlowDown"),
    "sagemaker:ListPipelines": ("sagemaker", "list_pipelines", {}, "ThrottlingException"),
    "cloudwatch:PutMetricData": (
        "cloudwatch",
        "put_metric_data",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]},
        "ThrottlingException",
    ),
    "lambda:ListFunctions": ("lambda", "list_functions", {}, "TooManyRequestsException"),
    "sns:ListTopics": ("sns", "list_topics", {}, "ThrottlingException"),
    "scheduler:ListSchedules": ("scheduler", "list_schedules", {}, "ThrottlingException"),
}


@pytest.mark.parametrize("operation", CALLS)
def test_the_next_call_of_an_operation_is_throttled_in_the_words_of_its_service(
    faulty: Workbench, operation: str
) -> None:
    service, method, arguments, code = CALLS[operation]
    if service == "s3":
        arguments = {**arguments, "Bucket": faulty.bucket}
    faulty.engine.put_faults(throttle=[{"operation": operation, "next": 1}])
    call = getattr(impatient(faulty.engine, service), method)
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    assert call(**arguments)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_sdk_that_tries_again_notices_nothing(faulty: Workbench) -> None:
    faulty.engine.put_faults(throttle=[{"operation": "s3:PutObject", "next": 2}])
    faulty.put("key", "value")
    assert faulty.get("key") == "value"


def test_a_share_of_the_calls_is_throttled(faulty: Workbench) -> None:
    faulty.engine.put_faults(throttle=[{"operation": "*", "rate": 0.5}], seed=3)
    sagemaker = impatient(faulty.engine, "sagemaker")
    refused = 0
    for _ in range(40):
        try:
            sagemaker.list_pipelines()
        except ClientError:
            refused += 1
    assert 5 < refused < 35


def test_a_function_is_killed_in_the_middle_and_an_event_comes_again(faulty: Workbench) -> None:
    code = (
        "import os, time, boto3\n"
        "def handler(event, context):\n"
        "    put = boto3.client('s3').put_object\n"
        "    put(Bucket=os.environ['BUCKET'], Key=f'begun/{context.aws_request_id}', Body=b'')\n"
        "    time.sleep(1)\n"
        "    put(Bucket=os.environ['BUCKET'], Key=f'ended/{context.aws_request_id}', Body=b'')\n"
    )
    arn = create_function(faulty, "killed", code)
    client = faulty.engine.client("lambda")
    client.invoke(FunctionName="killed", Payload=b"{}")  # warm: boto3 takes its time to be imported
    faulty.engine.put_faults(kill=[{"function": "killed", "next": 1, "after_milliseconds": 700}])
    answer = client.invoke(FunctionName="killed", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert len(faulty.keys("ended/")) == 1

    faulty.engine.put_faults(kill=[{"function": "killed", "next": 1, "after_milliseconds": 300}])
    events = faulty.engine.client("events")
    events.put_rule(Name="killing", EventPattern=json.dumps({"source": ["killing"]}))
    events.put_targets(Rule="killing", Targets=[{"Id": "function", "Arn": arn}])
    events.put_events(Entries=[{"Source": "killing", "DetailType": "d", "Detail": "{}"}])
    ended = wait_for(faulty, "ended/", 2)
    events.remove_targets(Rule="killing", Ids=["function"])
    events.delete_rule(Name="killing")
    assert len(ended) == 2


def test_events_are_delivered_twice_late_and_out_of_order(faulty: Workbench) -> None:
    events, sqs = faulty.engine.client("events"), faulty.engine.client("sqs")
    queue = sqs.create_queue(QueueName="disturbed")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="disturbed", EventPattern=json.dumps({"source": ["disturbed"]}))
    events.put_targets(Rule="disturbed", Targets=[{"Id": "queue", "Arn": arn, "InputPath": "$.detail"}])
    faulty.engine.put_faults(events={"doubled_rate": 1, "delayed_rate": 1, "max_delay_milliseconds": 500}, seed=1)
    for number in range(10):
        events.put_events(Entries=[{"Source": "disturbed", "DetailType": "d", "Detail": json.dumps({"n": number})}])
    received: list[int] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(received) < 20 and time.monotonic() < deadline:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for message in messages:
            received.append(json.loads(message["Body"])["n"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    events.remove_targets(Rule="disturbed", Ids=["queue"])
    events.delete_rule(Name="disturbed")
    assert sorted(received) == sorted([*range(10), *range(10)])
    assert received != sorted(received)


def test_a_fault_that_there_is_not_is_refused(faulty: Workbench) -> None:
    with pytest.raises(mllocal.EngineError, match="faults have trottle; use throttle, kill, events, seed"):
        faulty.engine.put_faults(trottle=[])
    with pytest.raises(mllocal.EngineError, match="unexpected keyword argument 'rates'"):
        faulty.engine.put_faults(throttle=[{"operation": "*", "rates": 1}])
