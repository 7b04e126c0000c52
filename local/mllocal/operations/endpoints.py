"""Operations on endpoints. What takes a while is done by the endpoint's host; its document says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mllocal.endpoints.capture import Capture
from mllocal.endpoints.summaries import event
from mllocal.endpoints.variants import has_components
from mllocal.errors import validation
from mllocal.jobs.faults import FaultError, requested
from mllocal.operations import listing
from mllocal.operations.endpoint_configs import find_endpoint_config
from mllocal.sagemaker.kinds import ENDPOINT, INFERENCE_COMPONENT, MODEL
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope, scope_of

_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
_RETAINED = ("DesiredInstanceCount", "DesiredWeight")
_CAPTURE = "DataCaptureConfig"


@operation("CreateEndpoint")
def create_endpoint(service: Service, scope: Scope, request: Request) -> Document:
    pending = _pending(service, scope, request["EndpointConfigName"], request.get("DeploymentConfig"))
    _check_faults(request)
    document = {"Tags": [], **request, "EndpointStatus": "Creating", "Deployed": None, "Pending": pending}
    endpoint = service.create(ENDPOINT, scope, request["EndpointName"], document)
    service.emit(scope, *event(endpoint))
    service.hosting.deploy(endpoint["EndpointArn"])
    return endpoint


@operation("DescribeEndpoint")
def describe_endpoint(service: Service, scope: Scope, request: Request) -> Document:
    endpoint = _find(service, scope, request["EndpointName"])
    deployed = endpoint["Deployed"] or {}
    capture = Capture.of(deployed.get("DataCaptureConfig"))
    pending = endpoint["Pending"] if endpoint["EndpointStatus"] in ("Updating", "RollingBack") else None
    return {
        **endpoint,
        **{name: deployed.get(name) for name in ("AsyncInferenceConfig", "MetricsConfig")},
        "DataCaptureConfig": None if capture is None else capture.summary(),
        "PendingDeploymentSummary": None if pending is None else _pending_summary(pending),
    }


@operation("ListEndpoints")
def list_endpoints(service: Service, scope: Scope, request: Request) -> Document:
    endpoints = service.store.find(ENDPOINT.name, scope)
    return listing.page(ENDPOINT, endpoints, request, "Endpoints", order="Descending")


@operation("UpdateEndpoint")
def update_endpoint(service: Service, scope: Scope, request: Request) -> Document:
    endpoint = _find(service, scope, request["EndpointName"])
    deployment = request.get("DeploymentConfig")
    if request.get("RetainDeploymentConfig"):
        deployment = endpoint.get("LastDeploymentConfig")
    pending = _pending(service, scope, request["EndpointConfigName"], deployment)
    if has_components(endpoint) is not has_components({"Deployed": pending}):
        raise validation(
            f'Endpoint "{endpoint["EndpointArn"]}" cannot change between models of its own and inference components'
        )

    def change(stored: Document) -> None:
        retained = _retained(stored, request) if request.get("RetainAllVariantProperties") else {}
        stored["Pending"] = {**pending, **retained}

    changed = _begin(service, endpoint, "Updating", change)
    service.hosting.deploy(endpoint["EndpointArn"])
    return changed


@operation("UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(service: Service, scope: Scope, request: Request) -> Document:
    endpoint = _find(service, scope, request["EndpointName"])
    wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
    known = {item["VariantName"] for item in endpoint.get("ProductionVariants") or []}
    if unknown := sorted(wanted.keys() - known):
        raise validation(
            f"Variant {', '.join(unknown)} does not exist in {endpoint['EndpointArn']}; it has {', '.join(sorted(known))}"
        )
    if resized := sorted(
        name for name, it in wanted.items() if "MaxConcurrency" in it.get("ServerlessUpdateConfig", {})
    ):
        raise validation(
            f"ServerlessUpdateConfig.MaxConcurrency of {', '.join(resized)} is not one the embedded AWS changes; use UpdateEndpoint"
        )

    is_asynchronous = bool((endpoint["Deployed"] or {}).get("AsyncInferenceConfig"))
    if not is_asynchronous and any(item.get("DesiredInstanceCount") == 0 for item in wanted.values()):
        raise validation("DesiredInstanceCount is 0; only an asynchronous endpoint can be without an instance")

    if any("ManagedInstanceScaling" in item for item in endpoint.get("ProductionVariants") or []):
        raise validation(
            f'SageMaker manages the instances of "{endpoint["EndpointArn"]}"; scale its inference components'
        )

    def change(stored: Document) -> None:
        for variant in stored["ProductionVariants"]:
            asked = wanted.get(variant["VariantName"], {})
            variant.update({name: asked[name] for name in _RETAINED if name in asked})
            if "ServerlessUpdateConfig" in asked:
                config = {**variant["DesiredServerlessConfig"], **asked["ServerlessUpdateConfig"]}
                variant["DesiredServerlessConfig"] = config

    changed = _begin(service, endpoint, "Updating", change)
    service.hosting.scale(endpoint["EndpointArn"])
    return changed


@operation("DeleteEndpoint")
def delete_endpoint(service: Service, scope: Scope, request: Request) -> Document:
    endpoint = _find(service, scope, request["EndpointName"])
    components = service.store.find(INFERENCE_COMPONENT.name, scope)
    if left := [it["InferenceComponentName"] for it in components if it["EndpointArn"] == endpoint["EndpointArn"]]:
        raise validation(
            f"Endpoint {endpoint['EndpointArn']} hosts inference components {', '.join(left)}; delete them first"
        )
    _begin(service, endpoint, "Deleting", lambda stored: None)
    service.hosting.delete(endpoint["EndpointArn"])
    return {}


def _check_faults(request: Request) -> None:
    """An endpoint may ask for instance types that are not to be had, by the tag that jobs have for it."""
    try:
        asked = requested(request)
    except FaultError as error:
        raise validation(str(error)) from None
    if asked.reasons or asked.spot_seconds is not None:
        raise validation("an endpoint cannot ask for this fault; write capacity:<instance type>")


def _find(service: Service, scope: Scope, name: str) -> Document:
    return service.require(ENDPOINT, arn_of(ENDPOINT, scope, name), name)


def _begin(service: Service, endpoint: Document, status: str, change: Callable[[Document], Any]) -> Document:
    """Put an endpoint that rests into a state in which it changes. One that changes already is refused, as AWS does."""
    arn = endpoint["EndpointArn"]

    def begin(stored: Document) -> None:
        if stored["EndpointStatus"] in _CHANGING:
            raise validation(f'Cannot update in-progress endpoint "{arn}".')
        if stored["EndpointStatus"] != "InService" and status != "Deleting":
            raise validation(
                f'Cannot update endpoint "{arn}" in status {stored["EndpointStatus"]}; delete it and create another'
            )
        change(stored)
        stored.update(EndpointStatus=status, LastModifiedTime=time.time())

    changed = service.store.update(arn, begin)
    service.emit(scope_of(arn), *event(changed))
    return changed


def _pending(service: Service, scope: Scope, config_name: str, deployment: Document | None) -> Document:
    """What is to be deployed: the configuration as it is now, with what its models serve."""
    config = find_endpoint_config(service, scope, config_name)

    def container(model: str) -> Document:
        resolved: Document = service.require(MODEL, arn_of(MODEL, scope, model), model)["ResolvedContainer"]
        return resolved

    def with_container(variant: Document) -> Document:
        if "ModelName" not in variant:
            return variant  # Its models are inference components.
        found = {**variant, "Container": container(variant["ModelName"])}
        if "InstancePools" not in variant:
            return found
        pools = [
            {**pool, "Container": container(pool.get("ModelNameOverride", variant["ModelName"]))}
            for pool in sorted(variant["InstancePools"], key=lambda pool: int(pool["Priority"]))
        ]
        return {**found, "InstancePools": pools, "InstanceType": pools[0]["InstanceType"]}

    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "Variants": [with_container(variant) for variant in config["ProductionVariants"]],
        "Shadows": [with_container(variant) for variant in config.get("ShadowProductionVariants", ())],
        "AsyncInferenceConfig": config.get("AsyncInferenceConfig"),
        "MetricsConfig": config.get("MetricsConfig"),
        "DataCaptureConfig": config.get("DataCaptureConfig"),
        "DeploymentConfig": deployment,
        "Retained": {},
        "StartTime": time.time(),
    }


def _retained(endpoint: Document, request: Request) -> Document:
    """What of an endpoint outlives an update, but for what the request excludes."""
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", ())}
    variants = {
        variant["VariantName"]: {name: variant[name] for name in _RETAINED if name in variant and name not in excluded}
        for variant in endpoint["ProductionVariants"]
    }
    capture = {} if _CAPTURE in excluded else {_CAPTURE: endpoint["Deployed"][_CAPTURE]}
    return {"Retained": variants, **capture}


def _pending_summary(pending: Document) -> Document:
    variants = [
        {
            "VariantName": variant["VariantName"],
            "InstanceType": variant.get("InstanceType"),
            "DesiredInstanceCount": variant.get("InitialInstanceCount"),
            "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
        }
        for variant in pending["Variants"]
    ]
    return {
        "EndpointConfigName": pending["EndpointConfigName"],
        "ProductionVariants": variants,
        "StartTime": pending["StartTime"],
    }
