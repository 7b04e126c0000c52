"""Callback steps: a message with a token goes to a queue, and the step waits until someone answers with the token.

Source: the developer guide, "Callback step", and the API reference, StopPipelineExecution.
"""

from __future__ import annotations

import json
import threading
from typing import Any

import botocore.exceptions

from mllocal.aws import Aws
from mllocal.errors import ApiError, not_found
from mllocal.execution.retries import SERVICE_FAULT
from mllocal.execution.step_run import Result, StepFailedError, StepRun
from mllocal.sagemaker.service import Service, random_id
from mllocal.sagemaker.store import Document, Scope

KIND = "PipelineCallback"
WAITING = "Waiting"
TOKEN_LENGTH = 10

# What wakes the step that waits for a token. An answer is in the store before its step wakes.
_ANSWERED: dict[str, threading.Event] = {}


def run(step_run: StepRun) -> Result:
    """Send the message and wait for the answer. There is no time limit, as there is none in SageMaker."""
    token = random_id(TOKEN_LENGTH)
    message = {
        "token": token,
        "pipelineExecutionArn": step_run.execution["PipelineExecutionArn"],
        "stepName": step_run.name,
        "arguments": step_run.arguments(),
        "status": "Executing",
    }
    queue_url = str(step_run.values.resolve(step_run.step["SqsQueueUrl"]))
    callback = {"Message": message, "SqsQueueUrl": queue_url, "Status": WAITING, "StopAnnounced": False}
    answered = _ANSWERED[token] = threading.Event()
    try:
        step_run.service.store.insert(KIND, _arn(step_run.scope, token), callback)
        _send(step_run.scope, queue_url, message)
        metadata = {"CallbackToken": token, "SqsQueueUrl": queue_url}
        step_run.announce({"Callback": metadata})
        # A stop that came before the announcement did not see this callback.
        if step_run.stopping.is_set():
            announce_stop(step_run.service, step_run.scope, token)
        answered.wait()
    finally:
        del _ANSWERED[token]
    given = step_run.service.store.get(_arn(step_run.scope, token)) or {}
    if given["Status"] == "Failed":
        raise StepFailedError(given.get("FailureReason") or "ClientError: the callback reported a failure")
    outputs = _outputs(step_run.step, given["OutputParameters"])
    shown = {**metadata, "OutputParameters": given["OutputParameters"]}
    return Result({"Callback": shown}, {"OutputParameters": outputs})


def answer(service: Service, scope: Scope, token: str, request_token: str | None, **changes: Any) -> str:
    """Record what was said of a callback and wake its step. Returns the execution's ARN.

    The same answer again, by its client request token, changes nothing. Raises `ResourceNotFound` for a token that is not known or
    whose execution has ended, `ConflictException` for one that has been answered.
    """
    arn = _arn(scope, token)
    with service.store.transaction():
        callback = service.store.get(arn)
        if callback is None:
            raise not_found(f"Callback token {token!r} does not exist; use the token of the message in the queue")
        execution_arn: str = callback["Message"]["pipelineExecutionArn"]
        if callback["Status"] != WAITING:
            if request_token is not None and callback.get("ClientRequestToken") == request_token:
                return execution_arn
            raise ApiError(
                "ConflictException",
                f"callback token {token!r} has been answered: the step is {callback['Status']}; a token is good for one answer",
            )
        answered = _ANSWERED.get(token)
        if answered is None:
            raise not_found(
                f"Callback token {token!r} is of {execution_arn}, which does not run any more; start it again"
            )
        service.store.update(arn, lambda document: document.update({**changes, "ClientRequestToken": request_token}))
    answered.set()
    return execution_arn


def announce_stop(service: Service, scope: Scope, token: str) -> None:
    """Tell the queue, once, that the execution is being stopped. Only an answer ends the step, as in SageMaker.

    When the queue cannot be told, nobody would answer: that ends the step too.
    """
    arn = _arn(scope, token)
    with service.store.transaction():
        callback = service.store.get(arn)
        if callback is None or callback["Status"] != WAITING or callback["StopAnnounced"]:
            return
        service.store.update(arn, lambda document: document.update(StopAnnounced=True))
    try:
        _send(scope, callback["SqsQueueUrl"], {**callback["Message"], "status": "Stopping"})
    except StepFailedError as failure:
        answer(service, scope, token, None, Status="Failed", FailureReason=str(failure))


def _send(scope: Scope, queue_url: str, message: Document) -> None:
    try:
        Aws(scope).client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(message))
    except botocore.exceptions.ClientError as error:
        raise StepFailedError(f"ClientError: cannot send the callback's message to {queue_url}: {error}") from None
    except botocore.exceptions.BotoCoreError as error:
        raise StepFailedError(f"ClientError: cannot reach {queue_url}: {error}", SERVICE_FAULT) from None


def _outputs(step: dict[str, Any], given: list[dict[str, str]]) -> Document:
    """The declared outputs with values of their types, from the texts of the answer."""
    texts = {parameter["Name"]: parameter["Value"] for parameter in given}
    declared = {output["OutputName"]: output.get("OutputType", "String") for output in step.get("OutputParameters", [])}
    missing = [name for name in declared if name not in texts]
    if missing:
        raise StepFailedError(
            f"ClientError: the callback must give {', '.join(missing)}, which this step declares as outputs; "
            f"it gave {', '.join(texts) or 'none'}"
        )
    return {name: _typed(name, kind, texts[name]) for name, kind in declared.items()}


def _typed(name: str, kind: str, text: str) -> Any:
    try:
        match kind:
            case "Integer":
                return int(text)
            case "Float":
                return float(text)
            case "Boolean":
                return {"true": True, "false": False}[text.lower()]
            case _:
                return text
    except (ValueError, KeyError):
        raise StepFailedError(
            f"ClientError: output {name!r} of the callback is {text!r}, which is not of its type {kind}"
        ) from None


def _arn(scope: Scope, token: str) -> str:
    return scope.arn(f"pipeline-callback/{token}")
