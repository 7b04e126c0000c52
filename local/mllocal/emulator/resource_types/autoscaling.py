"""Application Auto Scaling's resource types, as the operations of its API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mllocal.autoscaling.api import SERVICE
from mllocal.aws import Aws
from mllocal.emulator.resource_types.properties import as_shape
from mllocal.sagemaker import wire
from mllocal.sagemaker.store import Document, Scope

_IDENTITY = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def _typed(operation: str, request: Document) -> Document:
    typed: Document = as_shape(wire.operation_model(operation, SERVICE).input_shape, request)
    return typed


@dataclass(frozen=True)
class ScalableTarget:
    """`AWS::ApplicationAutoScaling::ScalableTarget` with its scheduled actions. The physical id names resource, dimension and service."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        client = Aws(scope).client(SERVICE)
        request = {name: value for name, value in properties.items() if name not in ("ScheduledActions", "Tags")}
        if "Tags" in properties:
            request["Tags"] = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
        answer = client.register_scalable_target(**_typed("RegisterScalableTarget", request))
        for action in properties.get("ScheduledActions", ()):
            client.put_scheduled_action(**_typed("PutScheduledAction", {**_identity(properties), **action}))
        return "|".join(_identity(properties).values()), {"Id": answer["ScalableTargetARN"]}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        if _identity(new) == _identity(old):
            for name in _names(old) - _names(new):
                _delete_action(Aws(scope).client(SERVICE), old, name)
        return self.create(scope, "", new, "")

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        client = Aws(scope).client(SERVICE)
        try:
            client.deregister_scalable_target(**_of_id(physical_id))
        except client.exceptions.ObjectNotFoundException:
            return  # It is gone, as CloudFormation wants it.


@dataclass(frozen=True)
class ScalingPolicy:
    """`AWS::ApplicationAutoScaling::ScalingPolicy`. The physical id is the ARN."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        arn: str = (
            Aws(scope)
            .client(SERVICE)
            .put_scaling_policy(**_typed("PutScalingPolicy", _policy(properties)))["PolicyARN"]
        )
        return arn, {"Arn": arn}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        return self.create(scope, "", new, "")

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        client = Aws(scope).client(SERVICE)
        named = _policy(properties)
        try:
            client.delete_scaling_policy(PolicyName=named["PolicyName"], **_identity(named))
        except client.exceptions.ObjectNotFoundException:
            return  # It went with its target.


def _policy(properties: Document) -> Document:
    """The request: a policy may name its target by the target's physical id."""
    request = {name: value for name, value in properties.items() if name != "ScalingTargetId"}
    return {**(_of_id(properties["ScalingTargetId"]) if "ScalingTargetId" in properties else {}), **request}


def _of_id(physical_id: str) -> dict[str, str]:
    return dict(zip(_IDENTITY, physical_id.split("|"), strict=True))


def _identity(properties: Document) -> dict[str, str]:
    return {name: properties[name] for name in _IDENTITY}


def _names(properties: Document) -> set[str]:
    actions: Iterable[Document] = properties.get("ScheduledActions", ())
    return {action["ScheduledActionName"] for action in actions}


def _delete_action(client: Any, properties: Document, name: str) -> None:
    try:
        client.delete_scheduled_action(ScheduledActionName=name, **_identity(properties))
    except client.exceptions.ObjectNotFoundException:
        return  # A one-time action is gone once it has fired.
