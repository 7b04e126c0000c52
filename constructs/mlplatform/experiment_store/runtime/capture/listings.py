"""What SageMaker lists, page by page, and its Describe answers in the form of events.

A page is a small piece of work; its token tells where to go on. Sources: SageMaker API reference, the List and Describe operations.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlrecords.observations import run_id_of
from mlrecords.record import RunRecord
from mlrecords.states import is_over

from .events import EXECUTION, KINDS, STEP
from .pipelines import step_run_id

PAGE = 100
PIPELINES_AT_ONCE = 5
EXECUTIONS_LAST = timedelta(days=14)
"""Executions are listed by when they were created: those that took longer are found by their events only."""
APPROVALS_COME = timedelta(days=90)
"""Model versions are listed by when they were created, too: an approval that comes later is found by its event only."""

Detail = dict[str, Any]
Known = Callable[[str], RunRecord | None]


@dataclass(frozen=True, kw_only=True)
class Found:
    """One resource of a list: its run, its state there, and how to get the detail of an event about it."""

    run_id: str
    state: str
    detail_type: str
    detail: Callable[[], Detail]
    approval: str | None = None

    def is_news(self, known: RunRecord | None) -> bool:
        """Whether the record lacks it, or has it in another state."""
        return known is None or (known.status.state, known.status.approval) != (self.state, self.approval)


Page = tuple[list[Found], str | None]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One list: `page` takes a client of SageMaker, since when, and the token of the page."""

    name: str
    page: Callable[[Any, datetime, str | None, Known], Page]


def _of_kind(detail_type: str, request: Callable[[datetime], Mapping[str, Any]], member: str) -> Listing:
    """The list of a kind whose events are its Describe answer; `member` holds it in the list's answer."""
    name = KINDS[detail_type].member
    operation = {"Endpoint": "list_endpoints", "ModelPackage": "list_model_packages"}.get(name, f"list_{_snake(name)}s")

    def page(sagemaker: Any, since: datetime, token: str | None, known: Known) -> Page:
        answer = getattr(sagemaker, operation)(MaxResults=PAGE, **request(since), **_next(token))
        return [_found(sagemaker, detail_type, name, item) for item in answer[member]], answer.get("NextToken")

    return Listing(name=KINDS[detail_type].name, page=page)


def _found(sagemaker: Any, detail_type: str, name: str, item: Mapping[str, Any]) -> Found:
    # A version of a model has a name only in its ARN.
    key, value = (
        ("ModelPackageName", item["ModelPackageArn"])
        if name == "ModelPackage"
        else (f"{name}Name", item[f"{name}Name"])
    )
    describe = getattr(sagemaker, f"describe_{_snake(name)}")
    return Found(
        run_id=run_id_of(item[f"{name}Arn"]),
        state=item[f"{name}Status"],
        approval=item.get("ModelApprovalStatus"),
        detail_type=detail_type,
        detail=lambda: describe(**{key: value}),
    )


def _executions(sagemaker: Any, since: datetime, token: str | None, known: Known) -> Page:
    """The executions of a few pipelines, and the steps of those that may have changed."""
    answer = sagemaker.list_pipelines(
        MaxResults=PIPELINES_AT_ONCE, SortBy="CreationTime", SortOrder="Ascending", **_next(token)
    )
    found = [
        one
        for pipeline in answer["PipelineSummaries"]
        for one in _of_pipeline(sagemaker, pipeline["PipelineName"], since, known)
    ]
    return found, answer.get("NextToken")


def _of_pipeline(sagemaker: Any, name: str, since: datetime, known: Known) -> Iterator[Found]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=name, CreatedAfter=since - EXECUTIONS_LAST
    )
    for item in (item for page in pages for item in page["PipelineExecutionSummaries"]):
        arn = item["PipelineExecutionArn"]
        before = known(run_id_of(arn))
        yield Found(
            run_id=run_id_of(arn),
            state=item["PipelineExecutionStatus"],
            detail_type=EXECUTION,
            detail=lambda arn=arn: _execution_detail(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)),  # type: ignore[misc]
        )
        was_over = before is not None and is_over(before.status.state)
        if item["StartTime"] >= since or not was_over:
            yield from _steps(sagemaker, arn)


def _steps(sagemaker: Any, execution_arn: str) -> Iterator[Found]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution_arn)
    for step in (step for page in pages for step in page["PipelineExecutionSteps"]):
        detail = _step_detail(execution_arn, step)
        yield Found(
            run_id=step_run_id(detail),
            state=step["StepStatus"],
            detail_type=STEP,
            detail=lambda detail=detail: detail,  # type: ignore[misc]
        )


def _execution_detail(described: Mapping[str, Any]) -> Detail:
    """In the words of the event."""
    state = described["PipelineExecutionStatus"]
    return {
        "pipelineArn": described["PipelineArn"],
        "pipelineExecutionArn": described["PipelineExecutionArn"],
        "pipelineExecutionDisplayName": described.get("PipelineExecutionDisplayName"),
        "pipelineExecutionDescription": described.get("PipelineExecutionDescription"),
        "currentPipelineExecutionStatus": state,
        "executionStartTime": described["CreationTime"],
        "executionEndTime": described["LastModifiedTime"] if is_over(state) else None,
        "failureReason": described.get("FailureReason"),
        "LastModifiedTime": described["LastModifiedTime"],
    }


def _step_detail(execution_arn: str, step: Mapping[str, Any]) -> Detail:
    """In the words of the event."""
    metadata = step.get("Metadata") or {}
    return {
        "pipelineArn": execution_arn.partition("/execution/")[0],
        "pipelineExecutionArn": execution_arn,
        "stepName": step["StepName"],
        "stepType": next(iter(metadata), None),
        "currentStepStatus": step["StepStatus"],
        "stepStartTime": step.get("StartTime"),
        "stepEndTime": step.get("EndTime"),
        "failureReason": step.get("FailureReason"),
        "cacheHitResult": step.get("CacheHitResult"),
        "metadata": metadata,
        "LastModifiedTime": step.get("EndTime") or step.get("StartTime"),
    }


def _next(token: str | None) -> dict[str, str]:
    return {} if token is None else {"NextToken": token}


def _snake(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("_")


def _modified(since: datetime) -> dict[str, Any]:
    return {"LastModifiedTimeAfter": since, "SortBy": "CreationTime", "SortOrder": "Ascending"}


def _registered(since: datetime) -> dict[str, Any]:
    return {"CreationTimeAfter": since - APPROVALS_COME, "ModelPackageType": "Versioned", "SortOrder": "Ascending"}


LISTINGS = (
    _of_kind("SageMaker Training Job State Change", _modified, "TrainingJobSummaries"),
    _of_kind("SageMaker Processing Job State Change", _modified, "ProcessingJobSummaries"),
    _of_kind("SageMaker Transform Job State Change", _modified, "TransformJobSummaries"),
    _of_kind("SageMaker HyperParameter Tuning Job State Change", _modified, "HyperParameterTuningJobSummaries"),
    _of_kind("SageMaker Endpoint State Change", _modified, "Endpoints"),
    _of_kind("SageMaker Model Package State Change", _registered, "ModelPackageSummaryList"),
    Listing(name="pipeline-execution", page=_executions),
)
