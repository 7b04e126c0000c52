"""Endpoints as an operator sees them: what serves, how many instances there are and may be, and what scaled them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mlp.errors import bad_input, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlp.target import Target

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_CONTENT_TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}
_BYTES = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    """A variant. Instances are None where there are none of its own, as of a serverless one; the range, where nothing scales it."""

    name: str
    instances: int | None
    desired: int | None
    minimum: int | None
    maximum: int | None
    policies: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EndpointRow:
    """An endpoint and its variants."""

    name: str
    status: str
    failure_reason: str | None
    variants: tuple[VariantRow, ...]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What Application Auto Scaling did, or tried."""

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
        return tuple(_row(self.describe(name), scaled) for name in names)

    def row(self, name: str) -> EndpointRow:
        """One of them. Raises `CliError` with the names there are."""
        return _row(self.describe(name), self._scaled())

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

    def activities(self, name: str) -> tuple[Activity, ...]:
        """Of all its variants, the newest first."""
        pages = self._scaling_pages("describe_scaling_activities", "ScalingActivities")
        found = [
            Activity(
                started=one["StartTime"],
                status=one["StatusCode"],
                description=one["Description"],
                cause=one["Cause"],
            )
            for one in pages
            if one["ResourceId"].startswith(f"endpoint/{name}/")
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
            if one["ScalableDimension"] == _DIMENSION
        }

    def _scaling_pages(self, operation: str, key: str) -> list[Mapping[str, Any]]:
        paginator = self._target.client("application-autoscaling").get_paginator(operation)
        return [item for page in paginator.paginate(ServiceNamespace="sagemaker") for item in page[key]]


def read_payload(path: Path) -> bytes:
    """What is sent to an endpoint. Raises `CliError` if the file cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise bad_input([f"the payload {path}: {error.strerror}"], fix="give a file to send") from error


def content_type_of(payload: Path) -> str:
    """By the ending of its name."""
    return _CONTENT_TYPES.get(payload.suffix, _BYTES)


def _row(described: Mapping[str, Any], scaled: Mapping[str, Mapping[str, Any]]) -> EndpointRow:
    variants: Sequence[Mapping[str, Any]] = described.get("ProductionVariants", ())
    unscaled = {"minimum": None, "maximum": None, "policies": ()}
    name = described["EndpointName"]
    return EndpointRow(
        name=name,
        status=described["EndpointStatus"],
        failure_reason=described.get("FailureReason"),
        variants=tuple(
            VariantRow(
                name=one["VariantName"],
                instances=one.get("CurrentInstanceCount"),
                desired=one.get("DesiredInstanceCount"),
                **scaled.get(f"endpoint/{name}/variant/{one['VariantName']}", unscaled),
            )
            for one in variants
        ),
    )
