"""What approvals brought and nobody serves any more: CloudFormation does not know it, so it is cleared up here."""

from collections.abc import Iterator
from typing import Any

from endpoint_models.followed import models_of_components
from endpoint_models.lookup import found
from endpoint_models.settings import Settings


def clear(sagemaker: Any, settings: Settings, *, keep: set[str]) -> None:
    """Delete the models and configurations that approvals brought, but for those of these names."""
    for operation, member, kind in (
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_models", "Models", "ModelName"),
    ):
        delete = getattr(sagemaker, operation.replace("list", "delete").removesuffix("s"))
        for name in list(_ours(sagemaker, settings, operation, member, kind)):
            if name not in keep:
                delete(**{kind: name})


def clear_behind(sagemaker: Any, settings: Settings) -> None:
    """The same, but for what the endpoint and its components have, if they still are there."""
    endpoint = found(sagemaker.describe_endpoint, EndpointName=settings.endpoint_name)
    served = set() if endpoint is None else {endpoint["EndpointConfigName"]}
    clear(sagemaker, settings, keep=served | models_of_components(sagemaker, settings))


def _ours(sagemaker: Any, settings: Settings, operation: str, member: str, kind: str) -> Iterator[str]:
    for page in sagemaker.get_paginator(operation).paginate(NameContains=f"{settings.endpoint_name}-v"):
        yield from (it[kind] for it in page[member] if settings.is_ours(it[kind]))
