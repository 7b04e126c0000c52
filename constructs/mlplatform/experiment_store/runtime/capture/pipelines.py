"""What the events of pipeline executions and their steps say: a step's event also tells of the job that it ran. Pure."""

from collections.abc import Iterator
from typing import Any

from mlrecords.observations import run_id_of
from mlrecords.record import Identity, Status

from .details import STEP_TAG, Detail, Parts, failure_of, first_moment, model_parents, parent, request_of

_JOBS = (":training-job/", ":processing-job/", ":transform-job/", ":hyper-parameter-tuning-job/")


def execution(detail: Detail) -> Parts:
    """An execution of a pipeline. Its parameters and whoever started it are asked of SageMaker."""
    arn = detail["pipelineExecutionArn"]
    name = pipeline_name(arn)
    described = {f"P{key[1:]}": value for key, value in detail.items() if key.startswith("pipelineExecution")}
    return {
        "identity": Identity(
            kind="pipeline-execution",
            name=f"{name}-{arn.rpartition('/')[2]}",
            arn=arn,
            created_at=first_moment(detail, "StartTime"),
        ),
        "status": Status(
            state=detail["currentPipelineExecutionStatus"],
            started_at=first_moment(detail, "StartTime"),
            ended_at=first_moment(detail, "EndTime"),
            failure_reason=failure_of(detail),
        ),
        "request": {"PipelineName": name, **request_of("StartPipelineExecution", described)},
    }


def step(detail: Detail) -> Parts:
    """A step of an execution."""
    named = list(_arns(detail.get("metadata")))
    jobs = [arn for arn in named if any(kind in arn for kind in _JOBS)]
    return {
        "identity": Identity(
            kind="pipeline-step", name=detail["stepName"], created_at=first_moment(detail, "StartTime")
        ),
        "status": Status(
            state=detail["currentStepStatus"],
            started_at=first_moment(detail, "StartTime"),
            ended_at=first_moment(detail, "EndTime"),
            failure_reason=failure_of(detail),
        ),
        "parents": {
            **parent("execution", detail["pipelineExecutionArn"]),
            **{run_id: found for arn in jobs for run_id, found in parent("job", arn).items()},
            **model_parents(detail.get("metadata")),
        },
        "tags": {
            STEP_TAG: detail["stepName"],
            "sagemaker:pipeline-step-type": detail.get("stepType"),
            "sagemaker:cache-hit": _cache_hit(detail),
        },
    }


def told_by_step(detail: Detail) -> Iterator[tuple[str, Parts]]:
    """What a step's event says of other runs, by run id: the job or model version that it made, and its execution."""
    of_execution = parent("execution", detail["pipelineExecutionArn"])
    if _cache_hit(detail):
        return  # What it names, another execution made.
    for name, inside in (detail.get("metadata") or {}).items():
        for arn in _arns(inside):
            if any(kind in arn for kind in _JOBS):
                yield run_id_of(arn), {"parents": of_execution, "tags": {STEP_TAG: detail["stepName"]}}
            elif ":model-package/" in arn and name.lower() == "registermodel":
                yield run_id_of(arn), {"parents": of_execution}
            elif ":model-package/" in arn:
                yield run_id_of(detail["pipelineExecutionArn"]), {"parents": parent("model", arn)}


def step_run_id(detail: Detail) -> str:
    """A step has no ARN of its own."""
    return run_id_of(f"{detail['pipelineExecutionArn']}/step/{detail['stepName']}")


def pipeline_name(execution_arn: str) -> str:
    """The pipeline of an execution."""
    return execution_arn.split(":pipeline/")[1].split("/execution/")[0]


def _cache_hit(detail: Detail) -> str | None:
    found = detail.get("cacheHitResult") or {}
    arn = next((value for key, value in found.items() if key.lower() == "sourcepipelineexecutionarn"), None)
    return None if arn is None else str(arn)


def _arns(metadata: Any) -> Iterator[str]:
    """Every ARN of SageMaker in a step's metadata, whatever its type calls it."""
    if isinstance(metadata, str):
        if metadata.startswith("arn:") and ":sagemaker:" in metadata:
            yield metadata
        return
    inside = metadata.values() if isinstance(metadata, dict) else metadata if isinstance(metadata, list) else ()
    for value in inside:
        yield from _arns(value)
