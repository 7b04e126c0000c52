"""Models, endpoint configurations and endpoints, as the same API operations a client would call, until the endpoint is at rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

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


def _changed(old: Document, new: Document) -> set[str]:
    """The properties that a template says otherwise now."""
    return {name for name in (*old, *new) if old.get(name) != new.get(name)}


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
        if _changed(old, new) <= {"Tags"}:
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
class _Serving:
    """What serves: each change of it takes a while. The physical id is the ARN. One that does not come into service fails the stack."""

    service: Service
    noun: ClassVar[str]

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name = properties.get(f"{self.noun}Name") or _name(stack, logical_id)
        arn: str = self._call("Create", scope, properties, name)[f"{self.noun}Arn"]
        found = self._resting(scope, name)
        if found[f"{self.noun}Status"] != "InService":
            self.delete(scope, arn, properties)
            raise ValueError(found["FailureReason"])
        return arn, self._attributes(arn)

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        name = _last(physical_id)
        try:
            self._resting(scope, name)
            self._call("Delete", scope, {}, name)
            while True:
                self._call("Describe", scope, {}, name)
                time.sleep(_POLL_SECONDS)
        except ApiError as error:
            if not error.message.startswith("Could not find"):
                raise

    def _attributes(self, arn: str) -> Document:
        return {f"{self.noun}Name": _last(arn), f"{self.noun}Arn": arn}

    def _resting(self, scope: Scope, name: str) -> Document:
        """What is there when it changes no more. Raises `ApiError` when it is gone."""
        while True:
            found = self._call("Describe", scope, {}, name)
            if found[f"{self.noun}Status"] in _RESTING:
                return found
            time.sleep(_POLL_SECONDS)

    def _call(self, verb: str, scope: Scope, properties: Document, name: str) -> Document:
        operation = f"{verb}{self.noun}"
        request = _only(operation, _request(operation, properties, **{f"{self.noun}Name": name}))
        answer: Document = self.service.invoke(operation, scope, request)
        return answer


class Endpoint(_Serving):
    """`AWS::SageMaker::Endpoint`."""

    noun = "Endpoint"

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        name = _last(physical_id)
        if new.get("EndpointName", name) != name:
            return self.create(scope, "", new, "")
        if _changed(old, new) <= {"Tags"}:
            return physical_id, self._attributes(physical_id)
        self._resting(scope, name)
        self._call("Update", scope, new, name)
        endpoint = self._resting(scope, name)
        if endpoint["EndpointConfigName"] != new["EndpointConfigName"] or endpoint["EndpointStatus"] != "InService":
            raise ValueError(endpoint["FailureReason"])
        return physical_id, self._attributes(physical_id)


class InferenceComponent(_Serving):
    """`AWS::SageMaker::InferenceComponent`."""

    noun = "InferenceComponent"

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        name = _last(physical_id)
        if new.get("InferenceComponentName", name) != name or new["EndpointName"] != old["EndpointName"]:
            return self.create(scope, "", new, "")
        changed = _changed(old, new)
        if changed <= {"Tags", "DeploymentConfig"}:
            return physical_id, self._attributes(physical_id)
        self._resting(scope, name)
        # What scaling has set stays, unless the template has another count than before.
        kept = {key: value for key, value in new.items() if key != "RuntimeConfig" or key in changed}
        self._call("Update", scope, kept, name)
        component = self._resting(scope, name)
        if "FailureReason" in component:
            raise ValueError(component["FailureReason"])
        return physical_id, self._attributes(physical_id)


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
