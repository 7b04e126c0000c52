"""Operations on processing, training and transform jobs. Each kind differs in what it checks and in the function that runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mllocal.errors import validation
from mllocal.jobs import processing, training, transform
from mllocal.jobs.runner import JobFunction
from mllocal.operations import listing
from mllocal.sagemaker.kinds import MODEL, PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, Kind
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope

Prepare = Callable[[Service, Scope, Request], Document]


def _prepare_processing(service: Service, scope: Scope, request: Request) -> Document:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    _require_one_instance(cluster["InstanceCount"], "ProcessingResources.ClusterConfig.InstanceCount")
    paths = [
        *(item.get("S3Input", {}).get("LocalPath", "") for item in request.get("ProcessingInputs", [])),
        *(
            output.get("S3Output", {}).get("LocalPath", "")
            for output in request.get("ProcessingOutputConfig", {}).get("Outputs", [])
        ),
    ]
    wrong = [path for path in paths if not path.startswith("/opt/ml/processing/")]
    if wrong:
        raise validation(f"LocalPath must be a folder under /opt/ml/processing/; got {', '.join(map(repr, wrong))}")
    return request


def _prepare_training(service: Service, scope: Scope, request: Request) -> Document:
    _require_one_instance(request["ResourceConfig"].get("InstanceCount", 1), "ResourceConfig.InstanceCount")
    if "TrainingImage" not in request["AlgorithmSpecification"]:
        raise validation(
            "AlgorithmSpecification.TrainingImage is missing; the embedded AWS runs images, not algorithm names"
        )
    for channel in request.get("InputDataConfig", []):
        if "S3DataSource" not in channel["DataSource"]:
            raise validation(
                f"channel {channel['ChannelName']!r} has no S3DataSource; the embedded AWS reads channels from S3"
            )
    return {**request, "SecondaryStatus": "Starting", "SecondaryStatusTransitions": []}


def _prepare_transform(service: Service, scope: Scope, request: Request) -> Document:
    _require_one_instance(request["TransformResources"]["InstanceCount"], "TransformResources.InstanceCount")
    model = service.require(MODEL, arn_of(MODEL, scope, request["ModelName"]), request["ModelName"])
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        raise validation(f"TransformInput.SplitType {split!r} is not one the embedded AWS does; use None or Line")
    joins = request.get("DataProcessing", {}).get("JoinSource", "None") == "Input"
    if joins and split != "Line":
        raise validation(
            "DataProcessing.JoinSource Input needs TransformInput.SplitType Line, so that there are records to join"
        )
    return {**request, "ModelContainer": model["ResolvedContainer"]}


def _require_one_instance(count: int, field: str) -> None:
    if count != 1:
        raise validation(f"{field} is {count}; the embedded AWS runs a job on one instance: use 1")


def _register(kind: Kind, prepare: Prepare, function: JobFunction, *, order: str = "Ascending") -> None:
    def create(service: Service, scope: Scope, request: Request) -> Document:
        document = {"Tags": [], **prepare(service, scope, request), str(kind.status_field): "InProgress"}
        job = service.create(kind, scope, request[kind.name_field], document)
        service.runner.start(kind, job, function)
        return job

    def describe(service: Service, scope: Scope, request: Request) -> Document:
        return _find(service, scope, request)

    def stop(service: Service, scope: Scope, request: Request) -> Document:
        job = _find(service, scope, request)
        if job[str(kind.status_field)] != "InProgress":
            raise validation(
                f"The request was rejected because the {kind.name} is in status {job[str(kind.status_field)]}."
            )
        service.runner.stop(job[kind.arn_field])
        return job

    def list_jobs(service: Service, scope: Scope, request: Request) -> Document:
        return listing.page(kind, service.store.find(kind.name, scope), request, f"{kind.name}Summaries", order=order)

    def _find(service: Service, scope: Scope, request: dict[str, Any]) -> Document:
        name = request[kind.name_field]
        return service.require(kind, arn_of(kind, scope, name), name)

    operation(f"Create{kind.name}")(create)
    operation(f"Describe{kind.name}")(describe)
    operation(f"Stop{kind.name}")(stop)
    operation(f"List{kind.name}s")(list_jobs)


_register(PROCESSING_JOB, _prepare_processing, processing.run)
_register(TRAINING_JOB, _prepare_training, training.run)
_register(TRANSFORM_JOB, _prepare_transform, transform.run, order="Descending")
