"""Operations on pipelines: a definition is checked whole when it is created, not when it runs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from typing import Any, NoReturn

from mllocal.aws import Aws
from mllocal.errors import ApiError, validation
from mllocal.execution.cache import StepCache
from mllocal.execution.support import unsupported_parts
from mllocal.operations import listing, versions
from mllocal.sagemaker.kinds import PIPELINE
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope
from mlpipelines import problems_in

MOST_LEVELS = 200
"""How deep the values of a definition may lie: branches within branches of 50 condition steps, and no deeper than Python resolves."""


@operation("CreatePipeline")
def create_pipeline(service: Service, scope: Scope, request: Request) -> Document:
    name = request["PipelineName"]
    existing = service.store.get(arn_of(PIPELINE, scope, name))
    if existing and existing["ClientRequestToken"] == request["ClientRequestToken"]:
        return existing
    document = {
        **request,
        "PipelineDefinition": _definition(service, scope, request),
        "PipelineDisplayName": request.get("PipelineDisplayName", name),
        "PipelineStatus": "Active",
        "PipelineVersionId": 1,
        "Tags": request.get("Tags", []),
    }
    with service.store.transaction():
        pipeline = service.create(PIPELINE, scope, name, document)
        versions.add_version(service, pipeline)
    return pipeline


@operation("UpdatePipeline")
def update_pipeline(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = find_pipeline(service, scope, request["PipelineName"])
    changes = {name: value for name, value in request.items() if not name.startswith("PipelineDefinition")}
    if len(changes) < len(request):
        changes["PipelineDefinition"] = _definition(service, scope, request)

    def change(document: Document) -> None:
        if changes.get("PipelineDefinition", document["PipelineDefinition"]) != document["PipelineDefinition"]:
            document["PipelineVersionId"] += 1
        document.update({**changes, "PipelineName": pipeline["PipelineName"], "LastModifiedTime": time.time()})

    with service.store.transaction():
        pipeline = service.store.update(pipeline["PipelineArn"], change)
        versions.add_version(service, pipeline)
    return pipeline


@operation("DescribePipeline")
def describe_pipeline(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = find_pipeline(service, scope, request["PipelineName"])
    version = versions.find_version(service, pipeline, request.get("PipelineVersionId"))
    return {**pipeline, **versions.described_by(version)}


@operation("DeletePipeline")
def delete_pipeline(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = find_pipeline(service, scope, request["PipelineName"])
    running = service.executor.running(pipeline["PipelineArn"])
    if running:
        raise ApiError(
            "ConflictException",
            f"pipeline {pipeline['PipelineName']!r} has an execution that runs: {running[0]}; stop it or wait for it first",
        )
    with service.store.transaction():
        StepCache(service.store, pipeline["PipelineArn"]).forget()
        versions.forget_versions(service, pipeline)
        service.store.delete(pipeline["PipelineArn"])
    return pipeline


@operation("ListPipelines")
def list_pipelines(service: Service, scope: Scope, request: Request) -> Document:
    pipelines = service.store.find(PIPELINE.name, scope)
    return listing.page(PIPELINE, pipelines, request, "PipelineSummaries", order="Descending")


def find_pipeline(service: Service, scope: Scope, name: str) -> Document:
    """The pipeline of a name or ARN; `ResourceNotFound` as AWS words it."""
    return service.require(PIPELINE, arn_of(PIPELINE, scope, name), name)


def _definition(service: Service, scope: Scope, request: Request) -> str:
    """The definition's text, from the request or from S3. Raises with every problem it has."""
    text = request.get("PipelineDefinition") or _from_s3(scope, request.get("PipelineDefinitionS3Location"))
    definition = _parsed(text)
    problems = problems_in(definition) or unsupported_parts(definition)
    if problems:
        name = request["PipelineName"]
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise validation(f"the definition of pipeline {name!r} has {len(problems)} problem(s):\n{listed}")
    return text


def _parsed(text: str) -> Any:
    """The JSON of a text. Python takes NaN, numbers beyond any float and any depth for JSON, until something fails on them."""
    try:
        definition = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise validation(f"PipelineDefinition is not JSON: {error}; give the JSON text of a definition") from None
    level = [definition]
    for _ in range(MOST_LEVELS):
        level = [item for value in level for item in _items(value)]
    if level:
        raise _too_deep()
    return definition


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not a number that it can hold")


def _too_deep() -> ApiError:
    return validation(
        f"PipelineDefinition has values more than {MOST_LEVELS} levels deep; nest its steps and values less"
    )


def _from_s3(scope: Scope, location: dict[str, str] | None) -> str:
    if location is None:
        raise validation("give PipelineDefinition or PipelineDefinitionS3Location; got neither")
    s3 = Aws(scope).client("s3")
    try:
        version = {"VersionId": location["VersionId"]} if "VersionId" in location else {}
        body = s3.get_object(Bucket=location["Bucket"], Key=location["ObjectKey"], **version)["Body"]
    except s3.exceptions.ClientError as error:
        uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        raise validation(
            f"PipelineDefinitionS3Location {uri} cannot be read: {error}; upload the definition first"
        ) from None
    content: bytes = body.read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        raise validation(
            f"PipelineDefinitionS3Location {uri} is not UTF-8: {error}; upload the definition's JSON"
        ) from None
