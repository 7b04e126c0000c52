"""Models, endpoint configurations and endpoints, as the same API operations a client would call, until the endpoint is at rest."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mllocal.emulator.resource_types.properties import as_shape
from mllocal.errors import ApiError
from mllocal.sagemaker import wire
from mllocal.sagemaker.service import Service, random_id
from mllocal.sagemaker.store import Document, Scope

_POLL_SECONDS = 0.1
_RESTING = ("InService", "Failed", "OutOfService")


def _request(operation: str, properties: Document, **members: object) -> Document:
    request: Document = as_shape(wire.operation_model(operation).input_shape, {**properties, **members})
    return request


def _name(stack: str, logical_id: str) -> str:
    """A name as CloudFormation makes it, where a template gives none."""
    return f"{stack[:20]}-{logical_id[:25]}-{random_id()}"


@dataclass(frozen=True)
class Unchangeable:
    """A type of which every change makes another resource: `AWS::SageMaker::Model`, `EndpointConfig`. The physical id is the ARN."""

    service: Service
    noun: str

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        field = f"{self.noun}Name"
        name = properties.get(field) or _name(stack, logical_id)
        operation = f"Create{self.noun}"
        arn: str = self.service.invoke(operation, scope, _request(operation, properties, **{field: name}))[
            f"{self.noun}Arn"
        ]
        return arn, {field: name}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        field = f"{self.noun}Name"
        changed = {name for name in (*old, *new) if old.get(name) != new.get(name)}
        if changed <= {"Tags"}:
            return physical_id, {field: _last(physical_id)}
        if field in new and new[field] == old.get(field):
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {new[field]} and update the stack again."
            )
        named = {field: f"{_last(physical_id).rpartition('-')[0]}-{random_id()}", **new}
        return self.create(scope, "", named, "")

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        _unless_gone(self.service, f"Delete{self.noun}", scope, {f"{self.noun}Name": _last(physical_id)})


@dataclass(frozen=True)
class Endpoint:
    """`AWS::SageMaker::Endpoint`. The physical id is the ARN. An endpoint that does not come into service fails the stack."""

    service: Service

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name = properties.get("EndpointName") or _name(stack, logical_id)
        request = _only("CreateEndpoint", _request("CreateEndpoint", properties, EndpointName=name))
        arn: str = self.service.invoke("CreateEndpoint", scope, request)["EndpointArn"]
        endpoint = self._resting(scope, name)
        if endpoint["EndpointStatus"] != "InService":
            self.delete(scope, arn, properties)
            raise ValueError(endpoint["FailureReason"])
        return arn, {"EndpointName": name}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        name = _last(physical_id)
        if new.get("EndpointName", name) != name:
            return self.create(scope, "", new, "")
        changed = {key for key in (*old, *new) if old.get(key) != new.get(key)}
        if changed <= {"Tags"}:
            return physical_id, {"EndpointName": name}
        self._resting(scope, name)
        request = _only("UpdateEndpoint", _request("UpdateEndpoint", new, EndpointName=name))
        self.service.invoke("UpdateEndpoint", scope, request)
        endpoint = self._resting(scope, name)
        if endpoint["EndpointConfigName"] != new["EndpointConfigName"] or endpoint["EndpointStatus"] != "InService":
            raise ValueError(endpoint["FailureReason"])
        return physical_id, {"EndpointName": name}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        name = _last(physical_id)
        try:
            self._resting(scope, name)
            self.service.invoke("DeleteEndpoint", scope, {"EndpointName": name})
            while True:
                self.service.invoke("DescribeEndpoint", scope, {"EndpointName": name})
                time.sleep(_POLL_SECONDS)
        except ApiError as error:
            if not error.message.startswith("Could not find"):
                raise

    def _resting(self, scope: Scope, name: str) -> Document:
        """The endpoint when it changes no more. Raises `ApiError` when it is gone."""
        while True:
            endpoint = self.service.invoke("DescribeEndpoint", scope, {"EndpointName": name})
            if endpoint["EndpointStatus"] in _RESTING:
                return endpoint
            time.sleep(_POLL_SECONDS)


@dataclass(frozen=True)
class InferenceComponent:
    """`AWS::SageMaker::InferenceComponent`. The physical id is the ARN. One that does not come into service fails the stack."""

    service: Service

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name = properties.get("InferenceComponentName") or _name(stack, logical_id)
        request = _request("CreateInferenceComponent", properties, InferenceComponentName=name)
        arn: str = self.service.invoke("CreateInferenceComponent", scope, _only("CreateInferenceComponent", request))[
            "InferenceComponentArn"
        ]
        component = self._resting(scope, name)
        if component["InferenceComponentStatus"] != "InService":
            self.delete(scope, arn, properties)
            raise ValueError(component["FailureReason"])
        return arn, {"InferenceComponentName": name, "InferenceComponentArn": arn}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        name = _last(physical_id)
        if new.get("InferenceComponentName", name) != name or new["EndpointName"] != old["EndpointName"]:
            return self.create(scope, "", new, "")
        attributes = {"InferenceComponentName": name, "InferenceComponentArn": physical_id}
        changed = {key for key in (*old, *new) if old.get(key) != new.get(key)}
        if changed <= {"Tags", "DeploymentConfig"}:
            return physical_id, attributes
        self._resting(scope, name)
        # What scaling has set stays, unless the template has another count than before.
        kept = {key: value for key, value in new.items() if key != "RuntimeConfig" or key in changed}
        request = _only(
            "UpdateInferenceComponent", _request("UpdateInferenceComponent", kept, InferenceComponentName=name)
        )
        self.service.invoke("UpdateInferenceComponent", scope, request)
        component = self._resting(scope, name)
        if "FailureReason" in component:
            raise ValueError(component["FailureReason"])
        return physical_id, attributes

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        name = _last(physical_id)
        try:
            self._resting(scope, name)
            self.service.invoke("DeleteInferenceComponent", scope, {"InferenceComponentName": name})
            while True:
                self.service.invoke("DescribeInferenceComponent", scope, {"InferenceComponentName": name})
                time.sleep(_POLL_SECONDS)
        except ApiError as error:
            if not error.message.startswith("Could not find"):
                raise

    def _resting(self, scope: Scope, name: str) -> Document:
        """The component when it changes no more. Raises `ApiError` when it is gone."""
        while True:
            request = {"InferenceComponentName": name}
            component = self.service.invoke("DescribeInferenceComponent", scope, request)
            if component["InferenceComponentStatus"] in _RESTING:
                return component
            time.sleep(_POLL_SECONDS)


def _only(operation: str, request: Document) -> Document:
    """The members that an operation takes: the type has those of two."""
    members = wire.operation_model(operation).input_shape.members
    return {name: value for name, value in request.items() if name in members}


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _unless_gone(service: Service, operation: str, scope: Scope, request: Document) -> None:
    try:
        service.invoke(operation, scope, request)
    except ApiError as error:
        if not error.message.startswith("Could not find"):
            raise
