"""What SageMaker answers, as small frozen types. Pure: dictionaries in, dataclasses out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlpipelines import dependencies, iter_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlpipelines import StepPlace

_EXECUTION_ARN = re.compile(r"arn:[^:\s]+:sagemaker:[^:\s]+:\d{12}:pipeline/([^/\s]+)/execution/([^/\s]+)")
ENDED = frozenset({"Succeeded", "CompletedWithFailures", "Failed", "Stopped"})


@dataclass(frozen=True, kw_only=True)
class ParameterSpec:
    """One parameter of a pipeline, as its definition declares it."""

    name: str
    type: str
    default: str | int | float | bool | None
    has_default: bool
    enum_values: tuple[str | int | float | bool, ...]


@dataclass(frozen=True, kw_only=True)
class GraphStep:
    """A step in the graph of a pipeline: the steps it waits for, and the outcome of its condition that runs it."""

    name: str
    waits_for: tuple[str, ...]
    runs_if: bool | None

    def sorted_by(self, positions: Mapping[str, int]) -> GraphStep:
        """The step with what it waits for in the order of `positions`; steps that are not there are left out."""
        known = (name for name in self.waits_for if name in positions)
        return replace(self, waits_for=tuple(sorted(known, key=positions.__getitem__)))


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The part of a pipeline definition that is read here: the parameters, and the steps in order."""

    pipeline_name: str
    parameters: tuple[ParameterSpec, ...]
    graph: tuple[GraphStep, ...]

    @property
    def step_names(self) -> tuple[str, ...]:
        """Every step, the branches of a condition right after it."""
        return tuple(step.name for step in self.graph)


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """Where CloudWatch Logs keeps what a step printed."""

    group: str
    stream_prefix: str | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """One step of one execution."""

    name: str
    type: str
    status: str
    start: datetime | None
    end: datetime | None
    failure_reason: str | None
    is_cached: bool
    outcome: str | None
    resource_arn: str | None

    def seconds(self, *, now: datetime) -> float | None:
        """How long the step took, or has taken so far."""
        return _seconds(self.start, self.end, now=now)

    @property
    def log_source(self) -> LogSource | None:
        """None for a step that starts nothing that could print."""
        if self.resource_arn is None:
            return None
        name = self.resource_arn.rsplit("/", 1)[-1]
        group = _JOB_LOG_GROUPS.get(self.type)
        if group is not None:
            return LogSource(group=group, stream_prefix=f"{name}/", start=None, end=None)
        if self.type == "Lambda":
            function = self.resource_arn.split(":function:", 1)[-1].split(":", 1)[0]
            return LogSource(group=f"/aws/lambda/{function}", stream_prefix=None, start=self.start, end=self.end)
        return None

    def document(self, *, now: datetime) -> dict[str, object]:
        """The step as `--json` prints it."""
        return {
            "name": self.name,
            "type": self.type,
            "status": self.status,
            "seconds": _rounded(self.seconds(now=now)),
            "cached": self.is_cached,
            "outcome": self.outcome,
            "arn": self.resource_arn,
            "failure_reason": self.failure_reason,
        }


# Amazon SageMaker AI developer guide, "CloudWatch Logs for Amazon SageMaker AI".
_JOB_LOG_GROUPS = {
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "TransformJob": "/aws/sagemaker/TransformJobs",
    "QualityCheck": "/aws/sagemaker/ProcessingJobs",
    "ClarifyCheck": "/aws/sagemaker/ProcessingJobs",
}


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One execution of a pipeline."""

    arn: str
    pipeline_name: str
    status: str
    start: datetime | None
    last_change: datetime | None
    failure_reason: str | None
    description: str | None = None

    @property
    def note(self) -> str:
        """Why it was started, where that was said: executions that it names are called by their short names."""
        return _EXECUTION_ARN.sub(r"\1/\2", self.description or "")

    def follows(self, other: Execution) -> bool:
        """Whether the platform started it in the place of another."""
        return (self.description or "").endswith(f" after {other.arn}")

    @property
    def short_name(self) -> str:
        """`<pipeline>/<execution id>`: every command takes it in place of the ARN."""
        return f"{self.pipeline_name}/{self.arn.rsplit('/', 1)[-1]}"

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    def seconds(self, *, now: datetime) -> float | None:
        """How long the execution took, or has taken so far."""
        return _seconds(self.start, self.last_change if self.has_ended else None, now=now)

    def document(self, *, now: datetime) -> dict[str, object]:
        """The execution as `--json` prints it."""
        return {
            "pipeline": self.pipeline_name,
            "execution_arn": self.arn,
            "status": self.status,
            "started": self.start,
            "seconds": _rounded(self.seconds(now=now)),
            "failure_reason": self.failure_reason,
            "description": self.description,
        }


@dataclass(frozen=True, kw_only=True)
class PipelineRow:
    """A pipeline and its newest execution."""

    name: str
    last: Execution | None


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One version in a model package group."""

    arn: str
    group: str
    version: int
    approval: str


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A CloudFormation stack and its state."""

    name: str
    status: str


def definition_of(answer: Mapping[str, Any]) -> Definition:
    """From DescribePipeline."""
    body = json.loads(answer["PipelineDefinition"])
    return Definition(
        pipeline_name=answer["PipelineName"],
        parameters=tuple(_parameter(item) for item in body.get("Parameters", ())),
        graph=tuple(_graph_step(place) for place in iter_places(body)),
    )


def _parameter(item: Mapping[str, Any]) -> ParameterSpec:
    return ParameterSpec(
        name=item["Name"],
        type=item["Type"],
        default=item.get("DefaultValue"),
        has_default="DefaultValue" in item,
        enum_values=tuple(item.get("EnumValues", ())),
    )


def _graph_step(place: StepPlace) -> GraphStep:
    condition = place.branches[-1:]
    waits_for = (*dependencies(place.step), *(name for name, _ in condition))
    runs_if = next((side == "IfSteps" for _, side in condition), None)
    return GraphStep(name=str(place.step["Name"]), waits_for=tuple(dict.fromkeys(waits_for)), runs_if=runs_if)


def step_of(item: Mapping[str, Any]) -> StepRun:
    """From an entry of ListPipelineExecutionSteps."""
    typed: dict[str, dict[str, Any]] = item.get("Metadata", {})
    kind, metadata = next(iter(typed.items()), ("", {}))
    return StepRun(
        name=item["StepName"],
        type=kind,
        status=item["StepStatus"],
        start=item.get("StartTime"),
        end=item.get("EndTime"),
        failure_reason=item.get("FailureReason") or metadata.get("ErrorMessage"),
        is_cached="CacheHitResult" in item,
        outcome=metadata.get("Outcome"),
        resource_arn=metadata.get("Arn") or metadata.get("CheckJobArn"),
    )


def execution_of(answer: Mapping[str, Any]) -> Execution:
    """From DescribePipelineExecution or an entry of ListPipelineExecutions."""
    arn = answer["PipelineExecutionArn"]
    return Execution(
        arn=arn,
        pipeline_name=pipeline_name_of(arn),
        status=answer["PipelineExecutionStatus"],
        start=answer.get("StartTime") or answer.get("CreationTime"),
        last_change=answer.get("LastModifiedTime"),
        failure_reason=answer.get("FailureReason") or answer.get("PipelineExecutionFailureReason"),
        description=answer.get("PipelineExecutionDescription"),
    )


def pipeline_name_of(execution_arn: str) -> str:
    """The pipeline in `arn:aws:sagemaker:<region>:<account>:pipeline/<pipeline>/execution/<id>`."""
    return execution_arn.split(":pipeline/", 1)[-1].split("/", 1)[0]


def model_version_of(item: Mapping[str, Any]) -> ModelVersion:
    """From an entry of ListModelPackages."""
    return ModelVersion(
        arn=item["ModelPackageArn"],
        group=item["ModelPackageGroupName"],
        version=int(item["ModelPackageVersion"]),
        approval=item.get("ModelApprovalStatus", "PendingManualApproval"),
    )


def failed_step(steps: Iterable[StepRun]) -> StepRun | None:
    """The step that made the execution fail: the first to fail."""
    failed = [step for step in steps if step.status == "Failed"]
    never = datetime.max.replace(tzinfo=UTC)
    return min(failed, key=lambda step: step.end or never, default=None)


def _seconds(start: datetime | None, end: datetime | None, *, now: datetime) -> float | None:
    return None if start is None else max(0.0, ((end or now) - start).total_seconds())


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
