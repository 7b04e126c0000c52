"""Versions of pipelines: each changed definition is one; an execution runs one, the newest unless it says which."""

from __future__ import annotations

import time

from mllocal.errors import not_found
from mllocal.operations import listing
from mllocal.sagemaker.kinds import PIPELINE, Kind
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope, scope_of

PIPELINE_VERSION = Kind("PipelineVersion", "pipeline", "PipelineArn", "PipelineArn")
_DESCRIBED = ("PipelineVersionDisplayName", "PipelineVersionDescription")


@operation("ListPipelineVersions")
def list_pipeline_versions(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = service.require(PIPELINE, arn_of(PIPELINE, scope, request["PipelineName"]), request["PipelineName"])
    return listing.page(
        PIPELINE_VERSION, _versions(service, pipeline), request, "PipelineVersionSummaries", order="Descending"
    )


@operation("UpdatePipelineVersion")
def update_pipeline_version(service: Service, scope: Scope, request: Request) -> Document:
    arn = request["PipelineArn"]
    pipeline = service.require(PIPELINE, arn, arn)
    version = find_version(service, pipeline, request["PipelineVersionId"])
    changes = {name: request[name] for name in _DESCRIBED if name in request}
    return service.store.update(_arn(version), lambda document: document.update(changes))


def add_version(service: Service, pipeline: Document) -> None:
    """Keep a pipeline's present definition as the version that its `PipelineVersionId` names, if that is a new one."""
    version = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineVersionId": pipeline["PipelineVersionId"],
        "PipelineDefinition": pipeline["PipelineDefinition"],
        "CreationTime": time.time(),
    }
    service.store.insert(PIPELINE_VERSION.name, _arn(version), version)


def find_version(service: Service, pipeline: Document, version_id: int | None) -> Document:
    """A version of a pipeline, the newest when none is named; `ResourceNotFound` when there is none."""
    wanted = pipeline["PipelineVersionId"] if version_id is None else version_id
    arn = _arn({"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": wanted})
    version = service.store.get(arn)
    if version is None:
        raise not_found(
            f"pipeline {pipeline['PipelineName']!r} has no version {wanted}; it has versions 1 to {pipeline['PipelineVersionId']}"
        )
    return version


def forget_versions(service: Service, pipeline: Document) -> None:
    """Drop every version of a pipeline, with it."""
    for version in _versions(service, pipeline):
        service.store.delete(_arn(version))


def note_execution(service: Service, execution: Document) -> None:
    """Remember the execution that a pipeline and its version ran last."""
    last = {"LastRunTime": execution["StartTime"], "LastExecutionTime": execution["StartTime"]}
    service.store.update(execution["PipelineArn"], lambda document: document.update(last))
    arn = execution["PipelineExecutionArn"]
    service.store.update(_arn(execution), lambda document: document.update(LastExecutionPipelineExecutionArn=arn))


def described_by(version: Document) -> Document:
    """What `DescribePipeline` shows of a version."""
    return {name: version.get(name) for name in ("PipelineDefinition", *_DESCRIBED)}


def _versions(service: Service, pipeline: Document) -> list[Document]:
    found = service.store.find(PIPELINE_VERSION.name, scope_of(pipeline["PipelineArn"]))
    return [version for version in found if version["PipelineArn"] == pipeline["PipelineArn"]]


def _arn(version: Document) -> str:
    return f"{version['PipelineArn']}/version/{version['PipelineVersionId']}"
