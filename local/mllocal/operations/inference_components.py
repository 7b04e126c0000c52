"""Operations on inference components: models on the instances of an endpoint. What takes a while is done by the component's host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from mllocal.errors import validation
from mllocal.operations import listing
from mllocal.sagemaker.kinds import ENDPOINT, INFERENCE_COMPONENT, MODEL
from mllocal.sagemaker.service import ComponentHosting, Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope

_CHANGING = ("Creating", "Updating", "Deleting")
_REFUSED = {
    "BaseInferenceComponentName": "adapters; give each model a component of its own",
    "DataCacheConfig": "caching; leave it out",
    "InstanceType": "InstanceType of a component; leave it out",
}


@operation("CreateInferenceComponent")
def create_inference_component(service: Service, scope: Scope, request: Request) -> Document:
    endpoint = service.require(ENDPOINT, arn_of(ENDPOINT, scope, request["EndpointName"]), request["EndpointName"])
    variant = _variant(endpoint, request)
    document = {
        "Tags": request.get("Tags", []),
        "InferenceComponentName": request["InferenceComponentName"],
        "EndpointName": endpoint["EndpointName"],
        "EndpointArn": endpoint["EndpointArn"],
        "VariantName": variant,
        "InferenceComponentStatus": "Creating",
        "DesiredCopyCount": request.get("RuntimeConfig", {}).get("CopyCount", 1),
        "CurrentCopyCount": 0,
        "Deployed": None,
        "Pending": _pending(service, scope, request),
    }
    component = service.create(INFERENCE_COMPONENT, scope, request["InferenceComponentName"], document)
    _host(service, component).deploy()
    return component


@operation("DescribeInferenceComponent")
def describe_inference_component(service: Service, scope: Scope, request: Request) -> Document:
    component = _find(service, scope, request)
    shown: Document = component["Deployed"] or component["Pending"]
    specification: Document = shown["Specification"]
    image = shown["Container"]["Image"]
    container = {
        "DeployedImage": {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": shown["StartTime"]},
        "ArtifactUrl": shown["Container"].get("ModelDataUrl"),
        "Environment": shown["Container"].get("Environment"),
    }
    counts = {name: component[name] for name in ("DesiredCopyCount", "CurrentCopyCount")}
    return {**component, "Specification": {**specification, "Container": container}, "RuntimeConfig": counts}


@operation("ListInferenceComponents")
def list_inference_components(service: Service, scope: Scope, request: Request) -> Document:
    wanted = {name: request[f"{name}Equals"] for name in ("EndpointName", "VariantName") if f"{name}Equals" in request}
    found = [
        component
        for component in service.store.find(INFERENCE_COMPONENT.name, scope)
        if all(component[name] == value for name, value in wanted.items())
    ]
    return listing.page(INFERENCE_COMPONENT, found, request, "InferenceComponents", order="Descending")


@operation("UpdateInferenceComponent")
def update_inference_component(service: Service, scope: Scope, request: Request) -> Document:
    component = _find(service, scope, request)
    specified = {"Specification": component["Deployed"]["Specification"]} if component["Deployed"] else {}
    pending = _pending(service, scope, {**specified, **request})

    def change(stored: Document) -> None:
        stored["Pending"] = pending
        stored["DesiredCopyCount"] = request.get("RuntimeConfig", {}).get("CopyCount", stored["DesiredCopyCount"])

    changed = _begin(service, component, "Updating", change)
    _host(service, component).deploy()
    return changed


@operation("UpdateInferenceComponentRuntimeConfig")
def update_inference_component_runtime_config(service: Service, scope: Scope, request: Request) -> Document:
    component = _find(service, scope, request)
    count = request["DesiredRuntimeConfig"]["CopyCount"]
    changed = _begin(service, component, "Updating", lambda stored: stored.update(DesiredCopyCount=count))
    _host(service, component).scale()
    return changed


@operation("DeleteInferenceComponent")
def delete_inference_component(service: Service, scope: Scope, request: Request) -> Document:
    component = _find(service, scope, request)
    _begin(service, component, "Deleting", lambda stored: None)
    _host(service, component).delete()
    return {}


def _find(service: Service, scope: Scope, request: Request) -> Document:
    name = request["InferenceComponentName"]
    return service.require(INFERENCE_COMPONENT, arn_of(INFERENCE_COMPONENT, scope, name), name)


def _host(service: Service, component: Document) -> ComponentHosting:
    return service.hosting.component(component["InferenceComponentArn"], component["EndpointArn"])


def _begin(service: Service, component: Document, status: str, change: Callable[[Document], Any]) -> Document:
    """Put a component that rests into a state in which it changes."""
    arn = component["InferenceComponentArn"]

    def begin(stored: Document) -> None:
        before = stored["InferenceComponentStatus"]
        if before in _CHANGING:
            raise validation(f'Cannot update in-progress inference component "{arn}".')
        if before != "InService" and status != "Deleting":
            raise validation(
                f'Cannot update inference component "{arn}" in status {before}; delete it and create another'
            )
        change(stored)
        stored.update(InferenceComponentStatus=status, LastModifiedTime=time.time())

    return service.store.update(arn, begin)


def _variant(endpoint: Document, request: Request) -> str:
    """The variant that a component is for. Raises `ApiError` if it cannot be there."""
    arn, status = endpoint["EndpointArn"], endpoint["EndpointStatus"]
    if status != "InService":
        raise validation(f'Cannot create an inference component on endpoint "{arn}" in status {status}')
    variants = endpoint["Deployed"]["Variants"]
    if "Container" in variants[0]:
        raise validation(
            f'Endpoint "{arn}" serves models of its own; leave ModelName out of its variant for inference components'
        )
    name: str = variants[0]["VariantName"]
    if request.get("VariantName", name) != name:
        raise validation(f"Variant {request['VariantName']} does not exist in {arn}; it has {name}")
    return name


def _pending(service: Service, scope: Scope, request: Request) -> Document:
    """What is to be deployed: the specification, with what its model serves."""
    if problems := list(_problems(request)):
        raise validation("; ".join(problems))
    specification = request["Specification"]
    return {
        "Specification": specification,
        "Container": _container(service, scope, specification),
        "DeploymentConfig": request.get("DeploymentConfig"),
        "StartTime": time.time(),
    }


def _container(service: Service, scope: Scope, specification: Document) -> Document:
    if "ModelName" in specification:
        name = specification["ModelName"]
        model: Document = service.require(MODEL, arn_of(MODEL, scope, name), name)["ResolvedContainer"]
        return model
    given = specification["Container"]
    members = {"Image": "Image", "ArtifactUrl": "ModelDataUrl", "Environment": "Environment"}
    return {there: given[here] for here, there in members.items() if here in given}


def _problems(request: Request) -> Iterator[str]:
    if "Specifications" in request or "Specification" not in request:
        yield "the embedded AWS does components with one Specification; give that, and leave Specifications out"
        return
    given = request["Specification"]
    if ("ModelName" in given) is ("Image" in given.get("Container", {})):
        yield "Specification needs ModelName or Container.Image, and not both"
    if "ComputeResourceRequirements" not in given:
        yield "Specification.ComputeResourceRequirements is missing"
    yield from (f"the embedded AWS does no {what}" for name, what in _REFUSED.items() if name in given)
