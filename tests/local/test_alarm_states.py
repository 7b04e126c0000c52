"""Alarms of the embedded AWS look at their own metric, notice what is missing by themselves, and tell their topic."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.local.workbench import Workbench

PATIENCE_SECONDS = 60
NAMESPACE = "MLPlatform/Test"


def subscribed_topic(workbench: Workbench, name: str) -> tuple[str, str]:
    """A topic, and the URL of a queue that gets what is published to it."""
    sns, sqs = workbench.engine.client("sns"), workbench.engine.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


def next_message(workbench: Workbench, queue: str) -> dict[str, Any]:
    sqs = workbench.engine.client("sqs")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return dict(json.loads(message["Body"]))
    raise AssertionError(f"no message within {PATIENCE_SECONDS} seconds")


def wait_for_state(workbench: Workbench, name: str, state: str) -> None:
    cloudwatch = workbench.engine.client("cloudwatch")
    deadline = time.monotonic() + PATIENCE_SECONDS
    found = ""
    while time.monotonic() < deadline and found != state:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        found = alarm["StateValue"]
        time.sleep(0.2)
    assert found == state


def put_alarm(workbench: Workbench, name: str, **options: Any) -> None:
    workbench.engine.client("cloudwatch").put_metric_alarm(
        **{
            "AlarmName": name,
            "Namespace": NAMESPACE,
            "MetricName": name,
            "Dimensions": [{"Name": "Pipeline", "Value": "mine"}],
            "Statistic": "Sum",
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "Period": 60,
            "EvaluationPeriods": 1,
            **options,
        }
    )


def put_data(workbench: Workbench, name: str, value: float, pipeline: str = "mine", age_seconds: float = 0) -> None:
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": "Pipeline", "Value": pipeline}],
        "Value": value,
        "Timestamp": datetime.now(UTC) - timedelta(seconds=age_seconds),
    }
    workbench.engine.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[datum])


def test_a_dead_mans_switch_fires_without_any_data_and_is_over_when_data_comes(workbench: Workbench) -> None:
    topic, queue = subscribed_topic(workbench, "dead-man")
    put_alarm(
        workbench,
        "dead-man",
        ComparisonOperator="LessThanThreshold",
        Threshold=1,
        TreatMissingData="breaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )
    alert = next_message(workbench, queue)
    message = json.loads(alert["Message"])
    assert alert["Subject"] == 'ALARM: "dead-man" in us-east-1'
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    put_data(workbench, "dead-man", 1)
    assert json.loads(next_message(workbench, queue)["Message"])["NewStateValue"] == "OK"


def test_an_alarm_is_of_its_own_dimensions_only(workbench: Workbench) -> None:
    put_alarm(workbench, "mine-only", TreatMissingData="notBreaching")
    put_data(workbench, "mine-only", 5, pipeline="another")
    wait_for_state(workbench, "mine-only", "OK")
    put_data(workbench, "mine-only", 5)
    wait_for_state(workbench, "mine-only", "ALARM")


def test_an_alarm_counts_the_datapoints_of_its_periods(workbench: Workbench) -> None:
    put_alarm(workbench, "two-of-three", EvaluationPeriods=3, DatapointsToAlarm=2)
    put_data(workbench, "two-of-three", 0, age_seconds=150)
    put_data(workbench, "two-of-three", 5, age_seconds=90)
    wait_for_state(workbench, "two-of-three", "OK")
    put_data(workbench, "two-of-three", 5)
    wait_for_state(workbench, "two-of-three", "ALARM")


def test_what_is_published_for_two_protocols_reaches_a_queue_as_the_default(workbench: Workbench) -> None:
    topic, queue = subscribed_topic(workbench, "structured")
    structured = json.dumps({"default": '{"version": "1.0"}', "email": "plain text"})
    workbench.engine.client("sns").publish(TopicArn=topic, Message=structured, MessageStructure="json", Subject="s")
    assert json.loads(next_message(workbench, queue)["Message"]) == {"version": "1.0"}
