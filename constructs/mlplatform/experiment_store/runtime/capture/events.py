"""Events of EventBridge as observations of runs: what each kind of event says is a table of builders. Pure.

Source of the shapes: Amazon SageMaker AI developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlrecords.codec import from_json
from mlrecords.observations import Observation, facts_of, order_of, run_id_of
from mlrecords.record import Identity, Status
from mlrecords.sending import DETAIL_TYPE as OBSERVATION
from mlrecords.sending import IMPORT
from mlrecords.states import is_over

from . import jobs, models, pipelines
from .details import (
    Detail,
    Parts,
    created_by,
    failure_of,
    first_moment,
    milliseconds,
    moment,
    request_of,
    state_of,
    tags_in,
)

EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource whose events carry its Describe answer. `member` is what that calls it."""

    name: str
    member: str
    parts: Callable[[Detail], Parts]


KINDS = {
    "SageMaker Training Job State Change": Kind(name="training-job", member="TrainingJob", parts=jobs.training),
    "SageMaker Processing Job State Change": Kind(name="processing-job", member="ProcessingJob", parts=jobs.processing),
    "SageMaker Transform Job State Change": Kind(name="transform-job", member="TransformJob", parts=jobs.transform),
    "SageMaker HyperParameter Tuning Job State Change": Kind(
        name="tuning-job", member="HyperParameterTuningJob", parts=jobs.tuning
    ),
    "SageMaker Model Package State Change": Kind(
        name="model-package", member="ModelPackage", parts=models.model_package
    ),
    "SageMaker Endpoint State Change": Kind(name="endpoint", member="Endpoint", parts=models.endpoint),
}


class UnknownEventError(Exception):
    """An event that no rule of the store should have sent."""


def observations_of(event: Mapping[str, Any]) -> list[Observation]:
    """What an event says of runs; of the run that it is about first. Raises `UnknownEventError`."""
    detail_type, detail = event["detail-type"], event["detail"]
    if detail_type == OBSERVATION:
        return [from_json(Observation, detail, "the observation in the event")]
    if detail_type in KINDS:
        kind = KINDS[detail_type]
        return [_observation(event, run_id_of(detail[f"{kind.member}Arn"]), _parts_of(kind, detail))]
    if detail_type == EXECUTION:
        return [_observation(event, run_id_of(detail["pipelineExecutionArn"]), pipelines.execution(detail))]
    if detail_type == STEP:
        of_others = [_observation(event, run_id, parts) for run_id, parts in pipelines.told_by_step(detail)]
        return [_observation(event, pipelines.step_run_id(detail), pipelines.step(detail)), *of_others]
    raise UnknownEventError(f"no record is made of events {detail_type!r}; capture knows {', '.join(DETAIL_TYPES)}")


DETAIL_TYPES = (*KINDS, EXECUTION, STEP, OBSERVATION, IMPORT)


def _parts_of(kind: Kind, detail: Detail) -> Parts:
    arn, tags = detail[f"{kind.member}Arn"], tags_in(detail.get("Tags"))
    return {
        "identity": Identity(
            kind=kind.name,
            name=detail.get(f"{kind.member}Name") or arn.partition("/")[2].replace("/", "-"),
            arn=arn,
            project=tags.get("project"),
            created_at=moment(detail.get("CreationTime")),
            created_by=created_by(detail),
        ),
        "status": Status(
            state=state_of(detail[f"{kind.member}Status"]),
            started_at=first_moment(detail, "StartTime"),
            ended_at=first_moment(detail, "EndTime"),
            failure_reason=failure_of(detail),
            approval=detail.get("ModelApprovalStatus"),
        ),
        "tags": tags,
        "request": request_of(f"Create{kind.member}", detail),
        **kind.parts(detail),
    }


def _observation(event: Mapping[str, Any], run_id: str, parts: Parts) -> Observation:
    detail: Detail = event["detail"]
    facts = facts_of(parts)
    if "identity" in facts:
        facts["identity"] |= {"account": event["account"], "region": event["region"]}
    status = facts.get("status", {})
    decided = is_over(status.get("state", "")) and status.get("approval") != "PendingManualApproval"
    return Observation(
        run_id=run_id,
        source=event.get("observed-by", "event"),
        order=order_of(milliseconds(detail.get("LastModifiedTime") or event["time"]), decided=decided),
        facts={name: value for name, value in facts.items() if value not in ({}, [])},
    )
