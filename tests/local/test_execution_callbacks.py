"""Callback steps: a message in a queue, and an answer with its token."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlpipelines import Get
from tests.local.execution_steps import create, run, step_of, until
from tests.local.workbench import Workbench, shell_step

OUTPUTS = [{"OutputName": "rows", "OutputType": "Integer"}, {"OutputName": "path", "OutputType": "String"}]


def queue(workbench: Workbench) -> str:
    url: str = workbench.engine.client("sqs").create_queue(QueueName=workbench.bucket)["QueueUrl"]
    return url


def message(workbench: Workbench, url: str) -> dict[str, Any]:
    """The next message of a queue; it is taken out."""
    sqs = workbench.engine.client("sqs")
    found = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    body: dict[str, Any] = json.loads(found["Body"])
    return body


def callback_step(url: str, **members: Any) -> dict[str, Any]:
    step = {"Name": "Ask", "Type": "Callback", "SqsQueueUrl": url, "OutputParameters": OUTPUTS}
    return {**step, "Arguments": {"number": 5, "execution": {"Get": "Execution.PipelineExecutionId"}}, **members}


def after(workbench: Workbench) -> Any:
    return shell_step(
        "After",
        'echo "$ROWS" > /opt/ml/processing/output/rows',
        environment={"ROWS": Get("Steps.Ask.OutputParameters['path']")},
        outputs=(workbench.output("after"),),
    )


def test_the_message_has_what_the_guide_says_and_the_answer_becomes_outputs(workbench: Workbench) -> None:
    url = queue(workbench)
    more = {
        "Name": "IsMore",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {"Type": "GreaterThan", "LeftValue": {"Get": "Steps.Ask.OutputParameters['rows']"}, "RightValue": 9}
            ],
            "IfSteps": [after(workbench).to_json()],
            "ElseSteps": [],
        },
    }
    arn = workbench.start(create(workbench, callback_step(url), more))
    asked = message(workbench, url)

    outputs = [{"Name": "rows", "Value": "10"}, {"Name": "path", "Value": "s3://b/p"}]
    answer = workbench.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=asked["token"], OutputParameters=outputs
    )
    execution = workbench.wait(arn)

    assert asked == {
        "token": asked["token"],
        "pipelineExecutionArn": arn,
        "stepName": "Ask",
        "arguments": {"number": 5, "execution": arn.rsplit("/", 1)[-1]},
        "status": "Executing",
    }
    assert answer["PipelineExecutionArn"] == arn
    assert execution.statuses == {"Ask": "Succeeded", "IsMore": "Succeeded", "After": "Succeeded"}
    assert execution.steps["Ask"]["Metadata"]["Callback"] == {
        "CallbackToken": asked["token"],
        "SqsQueueUrl": url,
        "OutputParameters": outputs,
    }
    assert workbench.get("after/rows") == "s3://b/p\n"


def test_a_failure_is_the_steps_failure_with_its_reason(workbench: Workbench) -> None:
    url = queue(workbench)
    arn = workbench.start(create(workbench, callback_step(url), after(workbench)))

    workbench.sagemaker.send_pipeline_execution_step_failure(
        CallbackToken=message(workbench, url)["token"], FailureReason="nobody approved it"
    )
    execution = workbench.wait(arn)

    assert execution.status == "Failed"
    assert execution.statuses == {"Ask": "Failed"}
    assert execution.reason("Ask") == "nobody approved it"


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({"rows": "10"}, "the callback must give path, which this step declares as outputs; it gave rows"),
        ({"rows": "ten", "path": "p"}, "output 'rows' of the callback is 'ten', which is not of its type Integer"),
    ],
)
def test_an_answer_without_the_declared_outputs_fails_the_step(
    workbench: Workbench, outputs: dict[str, str], reason: str
) -> None:
    url = queue(workbench)
    arn = workbench.start(create(workbench, callback_step(url)))

    workbench.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=message(workbench, url)["token"],
        OutputParameters=[{"Name": name, "Value": value} for name, value in outputs.items()],
    )

    assert reason in workbench.wait(arn).reason("Ask")


def test_a_token_is_good_for_one_answer_and_an_unknown_one_for_none(workbench: Workbench) -> None:
    url = queue(workbench)
    arn = workbench.start(create(workbench, callback_step(url, OutputParameters=[])))
    token = message(workbench, url)["token"]
    success = workbench.sagemaker.send_pipeline_execution_step_success
    first = success(CallbackToken=token, ClientRequestToken="r" * 32)
    workbench.wait(arn)

    again = success(CallbackToken=token, ClientRequestToken="r" * 32)
    with pytest.raises(ClientError) as second:
        success(CallbackToken=token, ClientRequestToken="q" * 32)
    with pytest.raises(ClientError) as unknown:
        workbench.sagemaker.send_pipeline_execution_step_failure(CallbackToken="0123456789")

    assert again["PipelineExecutionArn"] == first["PipelineExecutionArn"]
    assert second.value.response["Error"]["Code"] == "ConflictException"
    assert unknown.value.response["Error"]["Code"] == "ResourceNotFound"
    assert "'0123456789' does not exist" in unknown.value.response["Error"]["Message"]


def test_a_stopped_execution_tells_the_queue_and_waits_for_the_answer(workbench: Workbench) -> None:
    url = queue(workbench)
    step = callback_step(url)
    arn = workbench.start(create(workbench, step, after(workbench)))
    asked = message(workbench, url)

    workbench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    told = message(workbench, url)
    time.sleep(0.3)
    waiting = workbench.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    workbench.sagemaker.send_pipeline_execution_step_failure(CallbackToken=told["token"])

    assert told == {**asked, "status": "Stopping"}
    assert waiting["PipelineExecutionStatus"] == "Stopping"
    assert step_of(workbench, arn, "Ask")["Metadata"]["Callback"]["CallbackToken"] == asked["token"]
    execution = workbench.wait(arn)
    assert execution.status == "Stopped"
    assert execution.statuses == {"Ask": "Stopped"}


def test_a_queue_that_is_not_there_fails_the_step(workbench: Workbench) -> None:
    execution = run(workbench, callback_step(f"{workbench.engine.endpoint_url}/123456789012/no-such-queue"))

    assert execution.status == "Failed"
    assert "cannot send the callback's message to" in execution.reason("Ask")


def test_stopping_when_the_queue_is_gone_ends_the_step(workbench: Workbench) -> None:
    url = queue(workbench)
    arn = workbench.start(create(workbench, callback_step(url)))
    message(workbench, url)
    workbench.engine.client("sqs").delete_queue(QueueUrl=url)

    workbench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)

    execution = workbench.wait(arn)
    assert execution.status == "Stopped"
    assert "cannot send the callback's message" in execution.reason("Ask")


def test_an_execution_stopped_at_any_moment_ends_when_every_message_is_answered(workbench: Workbench) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    url = queue(workbench)
    name = create(workbench, callback_step(url))
    for _ in range(6):
        arn = workbench.start(name)
        time.sleep(moments.uniform(0, 0.05))
        workbench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=arn[-12:] * 3)
        _answer_until_it_ends(workbench, url, arn)

        assert workbench.wait(arn).status == "Stopped"


def _answer_until_it_ends(workbench: Workbench, url: str, arn: str) -> None:
    sqs, sagemaker = workbench.engine.client("sqs"), workbench.sagemaker
    while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Stopping":
        for found in sqs.receive_message(QueueUrl=url).get("Messages", []):
            asked = json.loads(found["Body"])
            if asked["status"] == "Stopping":
                sagemaker.send_pipeline_execution_step_failure(CallbackToken=asked["token"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
