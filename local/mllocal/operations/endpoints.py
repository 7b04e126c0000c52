"""Operations on endpoints, of which the embedded AWS has none: it refuses to create them."""

from __future__ import annotations

from mllocal.operations import listing
from mllocal.sagemaker.kinds import ENDPOINT
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope


@operation("DescribeEndpoint")
def describe_endpoint(service: Service, scope: Scope, request: Request) -> Document:
    name = request["EndpointName"]
    return service.require(ENDPOINT, arn_of(ENDPOINT, scope, name), name)


@operation("ListEndpoints")
def list_endpoints(service: Service, scope: Scope, request: Request) -> Document:
    endpoints = service.store.find(ENDPOINT.name, scope)
    return listing.page(ENDPOINT, endpoints, request, "Endpoints", order="Descending")
