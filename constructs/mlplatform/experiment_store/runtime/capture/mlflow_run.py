"""A record as a run of MLflow. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mlrecords.record import RunRecord

RUN_TAG, ARN_TAG = "mlplatform.run_id", "sagemaker.arn"
TAG_LIMIT, PARAM_LIMIT, KEY_LIMIT = 5000, 6000, 250  # MLflow REST API, "Data Structures".
_STATUS = {
    "Completed": "FINISHED",
    "Succeeded": "FINISHED",
    "Deleted": "FINISHED",
    "Failed": "FAILED",
    "Stopped": "KILLED",
}
_RENAMED = {"sagemaker:pipeline-execution-arn": "sagemaker.pipeline_execution_arn"}


@dataclass(frozen=True, kw_only=True)
class MlflowRun:
    """What MLflow shows of a record. Times are milliseconds since 1970; `ended_ms` is None while it runs.

    Attributes:
        metrics: values by name and step.
    """

    name: str
    status: str
    started_ms: int
    ended_ms: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[tuple[str, int], float]


def mlflow_run_of(record: RunRecord, *, seen_ms: int, parent_run_id: str | None = None) -> MlflowRun:
    """The run of a record. `seen_ms` stands for times that the record lacks; `parent_run_id` is MLflow's, of what it is part of."""
    status = _STATUS.get(record.status.state, "RUNNING")
    started = record.status.started_at or record.identity.created_at
    return MlflowRun(
        name=record.identity.name,
        status=status,
        started_ms=_milliseconds(started) or seen_ms,
        ended_ms=None if status == "RUNNING" else _milliseconds(record.status.ended_at) or seen_ms,
        params={safe_key(key): value[:PARAM_LIMIT] for key, value in record.algorithm.hyperparameters.items()},
        tags={
            safe_key(key): str(value)[:TAG_LIMIT]
            for key, value in _tags(record, parent_run_id).items()
            if value not in (None, "")
        },
        metrics={
            (safe_key(name), step): value
            for name, metric in record.metrics.items()
            for step, value in ({int(key): found for key, found in metric.steps.items()} or {0: metric.value}).items()
        },
    )


def safe_key(key: str) -> str:
    """A name that MLflow takes for a param, a metric or a tag."""
    return re.sub(r"[^\w\-. :/]", "_", key)[:KEY_LIMIT]


def _tags(record: RunRecord, parent_run_id: str | None) -> dict[str, object]:
    environment, identity, code = record.environment, record.identity, record.code
    image, machines = environment.image, environment.machines
    executions = [found.arn for found in record.parents.values() if found.relation == "execution"]
    return {
        RUN_TAG: record.run_id,
        ARN_TAG: identity.arn,
        "sagemaker.kind": identity.kind,
        "sagemaker.status": record.status.state,
        "sagemaker.failure_reason": record.status.failure_reason,
        "sagemaker.image": image and image.uri,
        "sagemaker.image_digest": image and image.digest,
        "sagemaker.instance_type": machines and machines.instance_type,
        "sagemaker.instance_count": machines and machines.instance_count,
        "sagemaker.program": " ".join(code.entry_point),
        "sagemaker.created_by": identity.created_by,
        "sagemaker.model_approval_status": record.status.approval,
        "sagemaker.pipeline_execution_arn": executions[0] if executions else None,
        "mlflow.parentRunId": parent_run_id,
        "mlflow.source.name": code.remote or identity.arn,
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": code.commit,
        **{f"sagemaker.input.{name}": found.uri for name, found in record.inputs.items()},
        **{f"sagemaker.output.{name}": found.uri for name, found in record.outputs.items()},
        **{_RENAMED.get(key, key): value for key, value in record.tags.items()},
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
