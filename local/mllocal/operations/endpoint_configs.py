"""Operations on endpoint configurations: which variants an endpoint has, of which models."""

from __future__ import annotations

from mllocal.endpoints.refusals import refusals
from mllocal.errors import validation
from mllocal.operations import listing
from mllocal.sagemaker.kinds import ENDPOINT_CONFIG, MODEL
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope


@operation("CreateEndpointConfig")
def create_endpoint_config(service: Service, scope: Scope, request: Request) -> Document:
    if problems := refusals(request):
        raise validation("; ".join(problems))
    for variant in (*request["ProductionVariants"], *request.get("ShadowProductionVariants", ())):
        overrides = [pool.get("ModelNameOverride") for pool in variant.get("InstancePools", ())]
        for name in filter(None, (variant.get("ModelName"), *overrides)):
            service.require(MODEL, arn_of(MODEL, scope, name), name)
    return service.create(ENDPOINT_CONFIG, scope, request["EndpointConfigName"], {"Tags": [], **request})


@operation("DescribeEndpointConfig")
def describe_endpoint_config(service: Service, scope: Scope, request: Request) -> Document:
    return find_endpoint_config(service, scope, request["EndpointConfigName"])


@operation("ListEndpointConfigs")
def list_endpoint_configs(service: Service, scope: Scope, request: Request) -> Document:
    found = service.store.find(ENDPOINT_CONFIG.name, scope)
    return listing.page(ENDPOINT_CONFIG, found, request, "EndpointConfigs", order="Descending")


@operation("DeleteEndpointConfig")
def delete_endpoint_config(service: Service, scope: Scope, request: Request) -> Document:
    service.store.delete(find_endpoint_config(service, scope, request["EndpointConfigName"])["EndpointConfigArn"])
    return {}


def find_endpoint_config(service: Service, scope: Scope, name: str) -> Document:
    """The configuration of a name. Raises `ApiError`."""
    return service.require(ENDPOINT_CONFIG, arn_of(ENDPOINT_CONFIG, scope, name), name)
