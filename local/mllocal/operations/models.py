"""Operations on models: what a transform job or an endpoint serves."""

from __future__ import annotations

from typing import Any

from mllocal.errors import validation
from mllocal.operations import listing
from mllocal.operations.registry import find_package
from mllocal.sagemaker.kinds import MODEL
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope


@operation("CreateModel")
def create_model(service: Service, scope: Scope, request: Request) -> Document:
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    if containers[0] is None:
        raise validation("give PrimaryContainer or Containers; got neither")
    if len(containers) > 1:
        raise validation(f"the embedded AWS serves models of one container; got {len(containers)} in Containers")
    document = {**request, "ResolvedContainer": _resolve(service, scope, containers[0])}
    return service.create(MODEL, scope, request["ModelName"], document)


def _resolve(service: Service, scope: Scope, container: dict[str, Any]) -> dict[str, Any]:
    """The container with what its model package gives; its own environment wins."""
    package_name = container.get("ModelPackageName")
    if package_name is None:
        if "Image" not in container:
            raise validation("the container has neither Image nor ModelPackageName; give one of them")
        return container
    package = find_package(service, scope, package_name)
    packaged: dict[str, Any] = package["InferenceSpecification"]["Containers"][0]
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
