"""Operations on processing, training and transform jobs. Each kind differs in what it checks and in the function that runs it."""

from __future__ import annotations

from collections.abc import Callable

from mllocal.errors import validation
from mllocal.jobs import processing, secondary, training, transform
from mllocal.jobs.artifacts import model_location
from mllocal.jobs.container import DEFAULT_MAX_RUNTIME_SECONDS
from mllocal.jobs.machines import take_machines
from mllocal.jobs.refusals import refusals
from mllocal.jobs.runner import Job, JobFunction
from mllocal.operations import listing
from mllocal.sagemaker.kinds import MODEL, PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, Kind
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope

Prepare = Callable[[Service, Scope, Request], Document]


def _prepare_processing(service: Service, scope: Scope, request: Request) -> Document:
    return request


def _prepare_training(service: Service, scope: Scope, request: Request) -> Document:
    # Describe always has these two, whatever the request left out and however the job ends.
    return {
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS},
        **request,
        "ModelArtifacts": {"S3ModelArtifacts": str(model_location(request))},
        **secondary.entered({"SecondaryStatusTransitions": []}, "Starting"),
    }


def _prepare_transform(service: Service, scope: Scope, request: Request) -> Document:
    model = service.require(MODEL, arn_of(MODEL, scope, request["ModelName"]), request["ModelName"])
    return {**request, "ModelContainer": model["ResolvedContainer"]}


def find_job(kind: Kind, service: Service, scope: Scope, request: Request) -> Document:
    """The job that a request names."""
    name = request[kind.name_field]
    return service.require(kind, arn_of(kind, scope, name), name)


def stop_job(kind: Kind, service: Service, scope: Scope, request: Request) -> Document:
    """Ask a job to stop. One that is not running is refused, as AWS does."""
    status = str(kind.status_field)
    job = find_job(kind, service, scope, request)
    if job[status] != "InProgress":
        raise validation(f"The request was rejected because the {kind.name} is in status {job[status]}.")
    service.store.update(job[kind.arn_field], lambda document: _mark_stopping(document, status))
    service.runner.stop(job[kind.arn_field])
    return job


def _mark_stopping(document: Document, status: str) -> None:
    # A job that ended meanwhile stays as it ended.
    if document[status] == "InProgress":
        document[status] = "Stopping"


def _on_machines(function: JobFunction) -> JobFunction:
    def run(job: Job) -> Document:
        take_machines(job)
        return function(job)

    return run


def _register(kind: Kind, prepare: Prepare, function: JobFunction, *, order: str = "Ascending") -> None:
    def create(service: Service, scope: Scope, request: Request) -> Document:
        problems = refusals(kind.name, request)
        if problems:
            raise validation("; ".join(problems))
        document = {"Tags": [], **prepare(service, scope, request), str(kind.status_field): "InProgress"}
        job = service.create(kind, scope, request[kind.name_field], document)
        service.runner.start(kind, job, _on_machines(function))
        return job

    def describe(service: Service, scope: Scope, request: Request) -> Document:
        return find_job(kind, service, scope, request)

    def stop(service: Service, scope: Scope, request: Request) -> Document:
        return stop_job(kind, service, scope, request)

    def list_jobs(service: Service, scope: Scope, request: Request) -> Document:
        return listing.page(kind, service.store.find(kind.name, scope), request, f"{kind.name}Summaries", order=order)

    operation(f"Create{kind.name}")(create)
    operation(f"Describe{kind.name}")(describe)
    operation(f"Stop{kind.name}")(stop)
    operation(f"List{kind.name}s")(list_jobs)


_register(PROCESSING_JOB, _prepare_processing, processing.run)
_register(TRAINING_JOB, _prepare_training, training.run)
_register(TRANSFORM_JOB, _prepare_transform, transform.run, order="Descending")
