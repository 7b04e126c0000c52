"""Pipeline executions as whoever watches them sees them: why one failed, what its steps answered."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from attempts.failures import Failure, classify

# Asking again later is all that is needed.
_BUSY = ("ConflictException", "ResourceLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException")
_SERVER_FAULT = 500

Json = Mapping[str, Any]


def steps_of(sagemaker: Any, execution_arn: str) -> list[Json]:
    """The steps of an execution that have begun, the first first."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution_arn, SortOrder="Ascending"
    )
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def failure_of(steps: Sequence[Json], execution: Json) -> Failure:
    """Why an execution failed: the first step that did. A Fail step says what the team wants said."""
    failed = next((step for step in steps if step["StepStatus"] == "Failed"), None)
    overall = execution.get("FailureReason", "SageMaker gave no reason")
    if failed is None:
        return Failure(classify(overall), "the pipeline", overall)
    metadata = failed.get("Metadata", {})
    reason = failed.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage") or overall
    return Failure(classify(reason), failed["StepName"], reason, job_of(failed))


def answer_of(steps: Sequence[Json], name: str) -> dict[str, str]:
    """What the Lambda step called `name` answered; nothing, if it did not."""
    step = next((found for found in steps if found["StepName"] == name), {})
    answered = step.get("Metadata", {}).get("Lambda", {}).get("OutputParameters", [])
    return {parameter["Name"]: parameter["Value"] for parameter in answered}


def job_of(step: Json) -> str | None:
    """The ARN of the job or function that a step ran, if it ran one."""
    return next(_arns(step.get("Metadata", {})), None)


def moment(text: str) -> datetime:
    """A moment as SageMaker writes it: ISO 8601, or seconds since 1970. Without a zone it is UTC."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        parsed = datetime.fromisoformat(text)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def stop(sagemaker: Any, execution_arn: str) -> None:
    """Ask for an execution to be stopped; nothing, if it has ended."""
    try:
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ConflictException", "ResourceNotFound", "ValidationException"):
            raise


def is_busy(error: ClientError) -> bool:
    """Whether SageMaker may take the same request later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"]["Code"] in _BUSY or status >= _SERVER_FAULT


def _arns(metadata: Json) -> Iterator[str]:
    for ran in metadata.values():
        if isinstance(ran, Mapping) and "Arn" in ran:
            yield ran["Arn"]
