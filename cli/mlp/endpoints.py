"""Endpoints as an operator sees them: what serves, how many instances there are and may be, and what scaled them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mlp.errors import bad_input, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlp.target import Target

_DIMENSIONS = (
    "sagemaker:variant:DesiredInstanceCount",
    "sagemaker:variant:DesiredProvisionedConcurrency",
    "sagemaker:inference-component:DesiredCopyCount",
)
_CONTENT_TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}
_BYTES = "application/octet-stream"
_UNSCALED: Mapping[str, Any] = MappingProxyType({"minimum": None, "maximum": None, "policies": ()})


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    """A variant. A serverless one has no instances, and provisioned concurrency if it keeps containers warm; the others have none.

    `desired` and the range are of what it has. The range is None where nothing scales it.
    """

    name: str
    instances: int | None
    provisioned_concurrency: int | None
    desired: int | None
    minimum: int | None
    maximum: int | None
    policies: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ComponentRow:
    """An inference component: copies of a model on the instances of a variant. The range is None where nothing scales it."""

    name: str
    variant: str
    status: str
    failure_reason: str | None
    copies: int | None
    desired: int | None
    minimum: int | None
    maximum: int | None
    policies: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EndpointRow:
    """An endpoint, its variants and its inference components."""

    name: str
    status: str
    failure_reason: str | None
    variants: tuple[VariantRow, ...]
    components: tuple[ComponentRow, ...]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What Application Auto Scaling did, or tried. `scaled` is the name of a variant or of a component."""

    scaled: str
    started: datetime
    status: str
    description: str
    cause: str


class Endpoints:
    """The endpoints of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._sagemaker = target.client("sagemaker")

    def names(self) -> tuple[str, ...]:
        """All of them, in order."""
        pages = self._sagemaker.get_paginator("list_endpoints").paginate()
        return tuple(sorted(item["EndpointName"] for page in pages for item in page["Endpoints"]))

    def rows(self) -> tuple[EndpointRow, ...]:
        """All of them, with what scales them. Where there are none, nobody is asked about scaling."""
        names = self.names()
        scaled = self._scaled() if names else {}
        return tuple(self._row(self.describe(name), scaled) for name in names)

    def row(self, name: str) -> EndpointRow:
        """One of them. Raises `CliError` with the names there are."""
        return self._row(self.describe(name), self._scaled())

    def describe(self, name: str) -> Mapping[str, Any]:
        """As SageMaker says it. Raises `CliError` with the names there are."""
        try:
            described: Mapping[str, Any] = self._sagemaker.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if "Could not find endpoint" not in str(error):
                raise
            raise not_found("endpoint", name, known=self.names(), where=self._target.label) from error
        return described

    def variant(self, name: str, asked: str | None) -> str:
        """The variant that is asked for, or the only one. Raises `CliError` if there are several."""
        if asked is not None:
            return asked
        variants = [one["VariantName"] for one in self.describe(name).get("ProductionVariants", ())]
        if len(variants) != 1:
            cause = f"the endpoint {name} has {len(variants)} variants: {', '.join(variants) or 'none is in service'}"
            raise bad_input([cause], fix="name one with --variant")
        return str(variants[0])

    def component_names(self, name: str) -> tuple[str, ...]:
        """Of the inference components of an endpoint, in order."""
        pages = self._sagemaker.get_paginator("list_inference_components").paginate(EndpointNameEquals=name)
        return tuple(sorted(one["InferenceComponentName"] for page in pages for one in page["InferenceComponents"]))

    def require_component(self, name: str, component: str) -> None:
        """Raises `CliError` with the components that the endpoint has, if it is none of them."""
        known = self.component_names(name)
        if component not in known:
            raise not_found("component", component, known=known, where=f"the endpoint {name}")

    def metric_dimensions(self, name: str, variant: str | None, component: str | None) -> dict[str, str]:
        """Of a component, or of the variant that is asked for or the only one. Raises `CliError`."""
        refuse_both(variant, component)
        if component is None:
            return {"EndpointName": name, "VariantName": self.variant(name, variant)}
        self.require_component(name, component)
        return {"InferenceComponentName": component}

    def activities(self, name: str) -> tuple[Activity, ...]:
        """Of all its variants and components, the newest first."""
        pages = self._scaling_pages("describe_scaling_activities", "ScalingActivities")
        components = {_component_id(component) for component in self.component_names(name)}
        found = [
            Activity(
                scaled=one["ResourceId"].rpartition("/")[2],
                started=one["StartTime"],
                status=one["StatusCode"],
                description=one["Description"],
                cause=one["Cause"],
            )
            for one in pages
            if one["ResourceId"].startswith(f"endpoint/{name}/") or one["ResourceId"] in components
        ]
        return tuple(sorted(found, key=lambda activity: activity.started, reverse=True))

    def _scaled(self) -> dict[str, dict[str, Any]]:
        """By resource id: the range, and the names of the policies."""
        policies = self._scaling_pages("describe_scaling_policies", "ScalingPolicies")
        return {
            one["ResourceId"]: {
                "minimum": one["MinCapacity"],
                "maximum": one["MaxCapacity"],
                "policies": tuple(it["PolicyName"] for it in policies if it["ResourceId"] == one["ResourceId"]),
            }
            for one in self._scaling_pages("describe_scalable_targets", "ScalableTargets")
            if one["ScalableDimension"] in _DIMENSIONS
        }

    def _row(self, described: Mapping[str, Any], scaled: Mapping[str, Mapping[str, Any]]) -> EndpointRow:
        name = described["EndpointName"]
        return EndpointRow(
            name=name,
            status=described["EndpointStatus"],
            failure_reason=described.get("FailureReason"),
            variants=tuple(_variant(name, one, scaled) for one in described.get("ProductionVariants", ())),
            components=tuple(self._component(component, scaled) for component in self.component_names(name)),
        )

    def _component(self, name: str, scaled: Mapping[str, Mapping[str, Any]]) -> ComponentRow:
        described = self._sagemaker.describe_inference_component(InferenceComponentName=name)
        counts = described.get("RuntimeConfig", {})
        return ComponentRow(
            name=name,
            variant=described["VariantName"],
            status=described["InferenceComponentStatus"],
            failure_reason=described.get("FailureReason"),
            copies=counts.get("CurrentCopyCount"),
            desired=counts.get("DesiredCopyCount"),
            **scaled.get(_component_id(name), _UNSCALED),
        )

    def _scaling_pages(self, operation: str, key: str) -> list[Mapping[str, Any]]:
        paginator = self._target.client("application-autoscaling").get_paginator(operation)
        return [item for page in paginator.paginate(ServiceNamespace="sagemaker") for item in page[key]]


def refuse_both(variant: str | None, component: str | None) -> None:
    """Raises `CliError`."""
    if variant is not None and component is not None:
        fix = "leave --variant out: a component is in one variant"
        raise bad_input([f"--variant {variant} and --component {component} are given"], fix=fix)


def read_payload(path: Path) -> bytes:
    """What is sent to an endpoint. Raises `CliError` if the file cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise bad_input([f"the payload {path}: {error.strerror}"], fix="give a file to send") from error


def content_type_of(payload: Path) -> str:
    """By the ending of its name."""
    return _CONTENT_TYPES.get(payload.suffix, _BYTES)


def _component_id(name: str) -> str:
    return f"inference-component/{name}"


def _variant(endpoint: str, one: Mapping[str, Any], scaled: Mapping[str, Mapping[str, Any]]) -> VariantRow:
    warm, wanted = (one.get(f"{kind}ServerlessConfig", {}) for kind in ("Current", "Desired"))
    return VariantRow(
        name=one["VariantName"],
        instances=one.get("CurrentInstanceCount"),
        provisioned_concurrency=warm.get("ProvisionedConcurrency"),
        desired=one.get("DesiredInstanceCount", wanted.get("ProvisionedConcurrency")),
        **scaled.get(f"endpoint/{endpoint}/variant/{one['VariantName']}", _UNSCALED),
    )
