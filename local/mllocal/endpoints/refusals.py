"""What a valid endpoint configuration may ask for that cannot be, or that the embedded AWS does not do: a sentence for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mllocal.sagemaker.store import Document
from mlpipelines.instance_types import INSTANCE_TYPES

_REFUSED = {
    "AcceleratorType": "leave it out",
}


def refusals(request: Document) -> list[str]:
    """Why an endpoint of this configuration cannot be; empty when it can."""
    return [
        *_config(request),
        *_variants(request, "ProductionVariants"),
        *_variants(request, "ShadowProductionVariants"),
    ]


def _config(request: Document) -> Iterator[str]:
    if "ExplainerConfig" in request:
        yield "ExplainerConfig is not one the embedded AWS does; leave it out"
    yield from _asynchronous(request)
    yield from _components(request)
    variants = [*request["ProductionVariants"], *request.get("ShadowProductionVariants", ())]
    names = [variant["VariantName"] for variant in variants]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        yield f"VariantName {', '.join(repeated)} is used twice; give each variant a name of its own"
    shadows = len(request.get("ShadowProductionVariants", ()))
    if shadows and (shadows, len(request["ProductionVariants"])) != (1, 1):
        yield "ShadowProductionVariants can have one variant, beside one production variant"


def _asynchronous(request: Document) -> Iterator[str]:
    if "AsyncInferenceConfig" not in request:
        return
    if "S3OutputPath" not in request["AsyncInferenceConfig"]["OutputConfig"]:
        yield "AsyncInferenceConfig.OutputConfig.S3OutputPath is missing; the embedded AWS has no default bucket"
    variants = request["ProductionVariants"]
    if len(variants) > 1 or "ShadowProductionVariants" in request or "ServerlessConfig" in variants[0]:
        yield "AsyncInferenceConfig needs one production variant with instances, and no shadow"


def _variants(request: Document, member: str) -> Iterator[str]:
    for number, variant in enumerate(request.get(member, ())):
        yield from _variant(variant, f"{member}[{number}]")


def _components(request: Document) -> Iterator[str]:
    """An endpoint with inference components has one variant, without a model."""
    variants = request["ProductionVariants"]
    if all("ModelName" in variant for variant in variants):
        return
    if len(variants) > 1 or "ShadowProductionVariants" in request or "AsyncInferenceConfig" in request:
        yield "a variant without ModelName is for inference components, and then the only one: no others, no shadow, no queue"
    if "ExecutionRoleArn" not in request:
        yield "ExecutionRoleArn is missing; an endpoint for inference components needs it"
    instance_type = variants[0].get("InstanceType")
    if instance_type is not None and instance_type not in INSTANCE_TYPES:
        yield f"InstanceType {instance_type} is not one whose size the embedded AWS knows; take another for inference components"


def _variant(variant: dict[str, Any], field: str) -> Iterator[str]:
    managed = variant.get("ManagedInstanceScaling", {})
    if "ModelName" in variant and managed:
        yield f"{field}.ManagedInstanceScaling is for inference components; leave ModelName out, or register a scalable target"
    if managed.get("ScaleInPolicy", {}).get("Strategy") == "CONSOLIDATION":
        yield f"{field}.ManagedInstanceScaling.ScaleInPolicy CONSOLIDATION is not one the embedded AWS does; use IDLE_RELEASE"
    serverless = "ServerlessConfig" in variant
    for name in ("InstanceType", "InitialInstanceCount"):
        if serverless and name in variant:
            yield f"{field} has {name} and ServerlessConfig; give one of them"
        if not serverless and name not in variant and not (name == "InstanceType" and "InstancePools" in variant):
            yield f"{field}.{name} is missing"
    yield from _pools(variant, field)
    for name, instead in _REFUSED.items():
        if name in variant:
            yield f"{field}.{name} is not one the embedded AWS does; {instead}"
    if variant.get("RoutingConfig", {}).get("RoutingStrategy") == "PREFIX_AWARE":
        yield f"{field}.RoutingConfig.RoutingStrategy PREFIX_AWARE is not one the embedded AWS does"


def _pools(variant: dict[str, Any], field: str) -> Iterator[str]:
    if "InstancePools" not in variant:
        return
    if "InstanceType" in variant or "ServerlessConfig" in variant:
        yield f"{field} has InstancePools besides InstanceType or ServerlessConfig; give one of them"
    if "ModelName" not in variant:
        yield f"{field}.InstancePools is not one the embedded AWS does for inference components; give InstanceType"
    pools = variant["InstancePools"]
    for member in ("InstanceType", "Priority"):
        values = [pool[member] for pool in pools]
        if len(set(values)) < len(values):
            yield f"{field}.InstancePools has a {member} twice: {', '.join(map(str, values))}"
