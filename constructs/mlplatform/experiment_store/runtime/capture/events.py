"""What SageMaker's state-change events say, as records that an experiment tracker can keep. Pure.

Source of the shapes: Amazon SageMaker AI developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ARN_TAG = "sagemaker.arn"
ORDER_TAG = "sagemaker.event_order"
TERMINAL = ("FINISHED", "FAILED", "KILLED")
TAG_LIMIT, PARAM_LIMIT, KEY_LIMIT = 5000, 6000, 250  # MLflow REST API, "Data Structures".

_MLFLOW_STATUS = {
    "InProgress": "RUNNING",
    "Executing": "RUNNING",
    "Pending": "RUNNING",
    "Stopping": "RUNNING",
    "Completed": "FINISHED",
    "Succeeded": "FINISHED",
    "Failed": "FAILED",
    "Stopped": "KILLED",
}

Detail = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What changed its state: a job, a pipeline execution or a model version."""

    arn: str
    name: str
    kind: str
    state: str
    image: str | None = None
    resources: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """An event as a run sees it. `status` is MLflow's; times are milliseconds since 1970."""

    arn: str
    name: str
    kind: str
    status: str
    started_ms: int
    ended_ms: int
    params: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL


def record_of(event: Mapping[str, Any]) -> Record:
    """An event of EventBridge as a record."""
    detail: Detail = event["detail"]
    subject = _SUBJECTS[event["detail-type"]](detail)
    moment = _milliseconds(detail.get("LastModifiedTime") or event["time"])
    status = _MLFLOW_STATUS.get(subject.state, "RUNNING")
    # Within one millisecond, what is decided comes after what is open.
    decided = status in TERMINAL and detail.get("ModelApprovalStatus") != "PendingManualApproval"
    hyperparameters = {key: str(value) for key, value in _map(detail, "HyperParameters").items()}
    resources = subject.resources or {}
    tags = {
        ARN_TAG: subject.arn,
        ORDER_TAG: f"{moment:015d}.{int(decided)}",
        "sagemaker.kind": subject.kind,
        "sagemaker.status": subject.state,
        "sagemaker.image": subject.image,
        "sagemaker.instance_type": resources.get("InstanceType"),
        "sagemaker.instance_count": resources.get("InstanceCount"),
        "sagemaker.role_arn": detail.get("RoleArn"),
        "sagemaker.failure_reason": detail.get("FailureReason"),
        "sagemaker.program": hyperparameters.get("sagemaker_program", "").strip('"'),
        "sagemaker.model_name": detail.get("ModelName"),
        "sagemaker.model_approval_status": detail.get("ModelApprovalStatus"),
        "sagemaker.pipeline_execution_arn": detail.get("pipelineExecutionArn")
        or _map(detail, "MetadataProperties").get("GeneratedBy"),
        "mlflow.source.name": subject.arn,
        "mlflow.source.type": "JOB",
        **_data_tags(detail),
        **resource_tags(detail.get("Tags") or {}),
    }
    return Record(
        arn=subject.arn,
        name=subject.name,
        kind=subject.kind,
        status=status,
        started_ms=_first_time(detail, "StartTime", "CreationTime") or moment,
        ended_ms=_first_time(detail, "EndTime") or moment,
        params={
            safe_key(key): value[:PARAM_LIMIT]
            for key, value in hyperparameters.items()
            if not key.startswith("sagemaker_")
        },
        tags={safe_key(key): str(value)[:TAG_LIMIT] for key, value in tags.items() if value not in (None, "")},
    )


def resource_tags(tags: Mapping[str, str] | Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a SageMaker resource, from a map or from a list of `Key` and `Value`, as tags of a run."""
    pairs = tags.items() if isinstance(tags, Mapping) else ((tag["Key"], tag["Value"]) for tag in tags)
    renamed = {"sagemaker:pipeline-execution-arn": "sagemaker.pipeline_execution_arn"}
    return {safe_key(renamed.get(key, key)): value[:TAG_LIMIT] for key, value in pairs}


def taggable_arn(record: Record) -> str:
    """The ARN that carries the tags: of the pipeline for an execution, of the group for a model version."""
    arn = record.arn.split("/execution/")[0]
    if record.kind == "model-package":
        return arn.replace(":model-package/", ":model-package-group/").rpartition("/")[0]
    return arn


def safe_key(key: str) -> str:
    """A name that MLflow takes for a param, a metric or a tag."""
    return re.sub(r"[^\w\-. :/]", "_", key)[:KEY_LIMIT]


def _training_job(detail: Detail) -> Subject:
    return Subject(
        arn=detail["TrainingJobArn"],
        name=detail["TrainingJobName"],
        kind="training-job",
        state=detail["TrainingJobStatus"],
        image=_map(detail, "AlgorithmSpecification").get("TrainingImage"),
        resources=_map(detail, "ResourceConfig"),
    )


def _processing_job(detail: Detail) -> Subject:
    return Subject(
        arn=detail["ProcessingJobArn"],
        name=detail["ProcessingJobName"],
        kind="processing-job",
        state=detail["ProcessingJobStatus"],
        image=_map(detail, "AppSpecification").get("ImageUri"),
        resources=_map(_map(detail, "ProcessingResources"), "ClusterConfig"),
    )


def _transform_job(detail: Detail) -> Subject:
    return Subject(
        arn=detail["TransformJobArn"],
        name=detail["TransformJobName"],
        kind="transform-job",
        state=detail["TransformJobStatus"],
        resources=_map(detail, "TransformResources"),
    )


def _pipeline_execution(detail: Detail) -> Subject:
    arn = detail["pipelineExecutionArn"]
    pipeline, execution_id = arn.split(":pipeline/")[1].split("/execution/")
    return Subject(
        arn=arn,
        name=f"{pipeline}-{execution_id}",
        kind="pipeline-execution",
        state=detail["currentPipelineExecutionStatus"],
    )


def _model_package(detail: Detail) -> Subject:
    arn = detail["ModelPackageArn"]
    containers = _map(detail, "InferenceSpecification").get("Containers") or [{}]
    return Subject(
        arn=arn,
        name=arn.split(":model-package/")[1].replace("/", "-"),
        kind="model-package",
        state=detail["ModelPackageStatus"],
        image=containers[0].get("Image"),
    )


_SUBJECTS = {
    "SageMaker Training Job State Change": _training_job,
    "SageMaker Processing Job State Change": _processing_job,
    "SageMaker Transform Job State Change": _transform_job,
    "SageMaker Model Building Pipeline Execution Status Change": _pipeline_execution,
    "SageMaker Model Package State Change": _model_package,
}


def _data_tags(detail: Detail) -> dict[str, str | None]:
    """Where the data came from and went to, by name."""
    inputs = {
        channel["ChannelName"]: _map(_map(channel, "DataSource"), "S3DataSource").get("S3Uri")
        for channel in detail.get("InputDataConfig") or []
    }
    for found in detail.get("ProcessingInputs") or []:
        inputs[found["InputName"]] = _map(found, "S3Input").get("S3Uri")
    transformed = _map(_map(_map(detail, "TransformInput"), "DataSource"), "S3DataSource")
    inputs["transform"] = transformed.get("S3Uri")
    outputs = {
        found["OutputName"]: _map(found, "S3Output").get("S3Uri")
        for found in _map(detail, "ProcessingOutputConfig").get("Outputs") or []
    }
    outputs["model"] = _map(detail, "OutputDataConfig").get("S3OutputPath")
    outputs["transform"] = _map(detail, "TransformOutput").get("S3OutputPath")
    return {
        **{f"sagemaker.input.{name}": uri for name, uri in inputs.items()},
        **{f"sagemaker.output.{name}": uri for name, uri in outputs.items()},
    }


def _map(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return holder.get(name) or {}


def _first_time(detail: Detail, *endings: str) -> int | None:
    """The first time in the detail whose name ends so: `TrainingStartTime`, `executionEndTime`."""
    return next(
        (
            _milliseconds(value)
            for ending in endings
            for name, value in detail.items()
            if name.endswith(ending) and value
        ),
        None,
    )


def _milliseconds(value: str | int) -> int:
    """A time as these events write it: ISO 8601, or milliseconds since 1970 as number or text."""
    text = str(value)
    if text.isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
