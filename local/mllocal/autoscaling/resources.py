"""What is scaled: the instances of a variant, through SageMaker's own API, as Application Auto Scaling does it."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from mllocal.autoscaling.decisions import Capacity
from mllocal.aws import Aws
from mllocal.errors import validation
from mllocal.sagemaker.store import Document, Scope

INSTANCE_COUNT = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True)
class State:
    """A resource as it is now. While it `changes`, it takes no other change; `failure` is why its last one did not succeed."""

    capacity: Capacity
    changes: bool
    failure: str | None


@dataclass(frozen=True)
class Resource:
    """One variant of an endpoint."""

    scope: Scope
    endpoint: str
    variant: str

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
        if variant is None or "DesiredInstanceCount" not in variant:
            return None
        capacity = Capacity(variant["DesiredInstanceCount"], variant["CurrentInstanceCount"])
        return State(capacity, found["EndpointStatus"] != "InService", found.get("FailureReason"))

    def change(self, desired: int) -> None:
        """Ask for another capacity. Raises `ClientError`."""
        Aws(self.scope).client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": self.variant, "DesiredInstanceCount": desired}],
        )


def resource_of(scope: Scope, target: Document) -> Resource | None:
    """What a target scales; None for a dimension that is recorded and not acted on. Raises `ApiError` for an id that cannot be."""
    if target["ScalableDimension"] != INSTANCE_COUNT:
        return None
    match target["ResourceId"].split("/"):
        case ["endpoint", endpoint, "variant", variant]:
            return Resource(scope, endpoint, variant)
    raise validation(
        f"ResourceId {target['ResourceId']!r} is not a variant; write endpoint/<endpoint>/variant/<variant>"
    )
