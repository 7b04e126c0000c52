"""What tests see of the lanes besides what is published: messages, alarms, executions, reports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.local.batch_inference.lanes import Lanes, eventually


def listen(lanes: Lanes, about: str) -> Callable[[], list[dict[str, Any]]]:
    """Subscribe a queue to the project's topic; the messages with this text in them that came since, when called."""
    sqs, sns = lanes.engine.client("sqs"), lanes.engine.client("sns")
    queue = sqs.create_queue(QueueName=f"{lanes.project}-{time.monotonic_ns()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = (
        found["TopicArn"] for found in sns.list_topics()["Topics"] if f"project-{lanes.project}" in found["TopicArn"]
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received() -> list[dict[str, Any]]:
        texts = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                texts.append(json.loads(message["Body"])["Message"])
        return [json.loads(text) for text in texts if about in text]

    return received


def alarm_state(lanes: Lanes, name: str) -> str:
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`."""
    (alarm,) = lanes.engine.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def alarm_states(lanes: Lanes, name: str) -> list[str]:
    """All states that it has been found in since it was made, the first one first; it begins without any data."""
    found = lanes.engine.client("cloudwatch").describe_alarm_history(
        AlarmName=name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
    )
    states = [json.loads(item["HistoryData"])["newState"]["stateValue"] for item in found["AlarmHistoryItems"]]
    return [state for state in states if state != "INSUFFICIENT_DATA"]


def spans(lanes: Lanes, lane: str, prefix: str) -> list[tuple[str, datetime, datetime]]:
    """Run id, begin and end of the executions of runs whose ids begin so."""
    describe = lanes.engine.client("sagemaker").describe_pipeline_execution
    described = [describe(PipelineExecutionArn=arn) for arn in lanes.executions(lane)]
    named = [(it.get("PipelineExecutionDisplayName", "").rpartition("-")[0], it) for it in described]
    return [(run_id, it["CreationTime"], it["LastModifiedTime"]) for run_id, it in named if run_id.startswith(prefix)]


def wait_for_job(lanes: Lanes, lane: str, step: str) -> None:
    """Return when the job of this step of the newest execution has its input and runs."""
    sagemaker = lanes.engine.client("sagemaker")

    def runs() -> bool:
        arns = [
            found.get("Metadata", {}).get("ProcessingJob", {}).get("Arn")
            for execution in lanes.executions(lane)[:1]
            for found in sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)[
                "PipelineExecutionSteps"
            ]
            if found["StepName"] == step
        ]
        jobs = [sagemaker.describe_processing_job(ProcessingJobName=arn.rpartition("/")[2]) for arn in arns if arn]
        return any("ProcessingStartTime" in job for job in jobs)

    eventually(runs, f"step {step} of lane {lane} did not begin")


def plan(lanes: Lanes, lane: str, run_id: str) -> dict[str, Any]:
    """On what the last job of a published run was scored, and why."""
    generation = lanes.manifests(lane)[run_id]["generation"]
    return lanes.working_file(lane, run_id, f"{generation}/plan/plan.json")


def quality_report(lanes: Lanes, lane: str, execution_arn: str) -> dict[str, Any]:
    """What an execution that measures quality reported."""
    return lanes.artifact(f"{lanes.project}-{lane}-quality/{execution_arn.rpartition('/')[2]}/report/report.json")
