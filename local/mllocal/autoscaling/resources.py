"""What is scaled: the instances of a variant, or the copies of an inference component, through SageMaker's own API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import ClientError

from mllocal.autoscaling.decisions import Capacity
from mllocal.aws import Aws
from mllocal.errors import validation
from mllocal.sagemaker.store import Document, Scope

INSTANCE_COUNT = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPY_COUNT = "sagemaker:inference-component:DesiredCopyCount"
_OF_VARIANTS = (INSTANCE_COUNT, PROVISIONED_CONCURRENCY)


@dataclass(frozen=True)
class State:
    """A resource as it is now. While it `changes`, it takes no other change; `failure` is why its last one did not succeed."""

    capacity: Capacity
    changes: bool
    failure: str | None


class Resource(Protocol):
    """Something that is scaled."""

    @property
    def scope(self) -> Scope: ...

    def state(self) -> State | None:
        """How it stands; None when it is not there."""

    def change(self, desired: int) -> None:
        """Ask for another capacity. Raises `ClientError`."""


@dataclass(frozen=True)
class VariantResource:
    """One variant of an endpoint: its instances, or the containers that it keeps warm if it is `serverless`."""

    scope: Scope
    endpoint: str
    variant: str
    serverless: bool = False

    def state(self) -> State | None:
        """How it stands; None when there is no such variant."""
        try:
            found = Aws(self.scope).client("sagemaker").describe_endpoint(EndpointName=self.endpoint)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
        variants = {item["VariantName"]: item for item in found.get("ProductionVariants", ())}
        variant = variants.get(self.variant)
        counts = {} if variant is None else self._counts(variant)
        if not counts.keys() >= {"Desired", "Current"}:
            return None
        capacity = Capacity(counts["Desired"], counts["Current"])
        return State(capacity, found["EndpointStatus"] != "InService", found.get("FailureReason"))

    def _counts(self, variant: Document) -> dict[str, int]:
        kinds = ("Desired", "Current")
        if not self.serverless:
            return {kind: variant[f"{kind}InstanceCount"] for kind in kinds if f"{kind}InstanceCount" in variant}
        configs = {kind: variant.get(f"{kind}ServerlessConfig", {}) for kind in kinds}
        name = "ProvisionedConcurrency"
        return {kind: config[name] for kind, config in configs.items() if name in config}

    def change(self, desired: int) -> None:
        """Ask for another capacity. Raises `ClientError`."""
        capacity: Document = (
            {"ServerlessUpdateConfig": {"ProvisionedConcurrency": desired}}
            if self.serverless
            else {"DesiredInstanceCount": desired}
        )
        Aws(self.scope).client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": self.variant, **capacity}],
        )


@dataclass(frozen=True)
class ComponentResource:
    """One inference component."""

    scope: Scope
    component: str

    def state(self) -> State | None:
        """How it stands; None when there is no such component."""
        try:
            found = (
                Aws(self.scope).client("sagemaker").describe_inference_component(InferenceComponentName=self.component)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise
        counts = found["RuntimeConfig"]
        capacity = Capacity(counts["DesiredCopyCount"], counts["CurrentCopyCount"])
        return State(capacity, found["InferenceComponentStatus"] != "InService", found.get("FailureReason"))

    def change(self, desired: int) -> None:
        """Ask for another number of copies. Raises `ClientError`."""
        Aws(self.scope).client("sagemaker").update_inference_component_runtime_config(
            InferenceComponentName=self.component, DesiredRuntimeConfig={"CopyCount": desired}
        )


def resource_of(scope: Scope, target: Document) -> Resource | None:
    """What a target scales; None for a dimension that is recorded and not acted on. Raises `ApiError` for an id that cannot be."""
    match target["ScalableDimension"], target["ResourceId"].split("/"):
        case str(dimension), ["endpoint", endpoint, "variant", variant] if dimension in _OF_VARIANTS:
            return VariantResource(scope, endpoint, variant, serverless=dimension == PROVISIONED_CONCURRENCY)
        case str(dimension), ["inference-component", component] if dimension == COPY_COUNT:
            return ComponentResource(scope, component)
        case str(dimension), _ if dimension not in (*_OF_VARIANTS, COPY_COUNT):
            return None
    raise validation(
        f"ResourceId {target['ResourceId']!r} is not one of {target['ScalableDimension']}; write "
        "endpoint/<endpoint>/variant/<variant> for instances and provisioned concurrency, inference-component/<component> for copies"
    )
