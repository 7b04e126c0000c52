"""Operations on models: what a transform job or an endpoint serves."""

from __future__ import annotations

from typing import Any

from mllocal.errors import validation
from mllocal.jobs.refusals import refusals
from mllocal.operations import listing
from mllocal.operations.registry import find_package
from mllocal.sagemaker.kinds import MODEL
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope


@operation("CreateModel")
def create_model(service: Service, scope: Scope, request: Request) -> Document:
    problems = refusals(MODEL.name, request)
    if problems:
        raise validation("; ".join(problems))
    container = request["Containers"][0] if "Containers" in request else request["PrimaryContainer"]
    document = {**request, "ResolvedContainer": _resolve(service, scope, container)}
    return service.create(MODEL, scope, request["ModelName"], document)


def _resolve(service: Service, scope: Scope, container: dict[str, Any]) -> dict[str, Any]:
    """The container with what its model package gives; its own environment wins."""
    package_name = container.get("ModelPackageName")
    if package_name is None:
        return container
    containers = find_package(service, scope, package_name)["InferenceSpecification"]["Containers"]
    problems = refusals(MODEL.name, {"Containers": containers})
    if problems:
        raise validation("; ".join(f"InferenceSpecification of {package_name}: {problem}" for problem in problems))
    packaged: dict[str, Any] = containers[0]
    environment = {**packaged.get("Environment", {}), **container.get("Environment", {})}
    return {**packaged, "Environment": environment}


@operation("DescribeModel")
def describe_model(service: Service, scope: Scope, request: Request) -> Document:
    return _find(service, scope, request["ModelName"])


@operation("DeleteModel")
def delete_model(service: Service, scope: Scope, request: Request) -> Document:
    service.store.delete(_find(service, scope, request["ModelName"])["ModelArn"])
    return {}


@operation("ListModels")
def list_models(service: Service, scope: Scope, request: Request) -> Document:
    return listing.page(MODEL, service.store.find(MODEL.name, scope), request, "Models", order="Descending")


def _find(service: Service, scope: Scope, name: str) -> Document:
    return service.require(MODEL, arn_of(MODEL, scope, name), name)
