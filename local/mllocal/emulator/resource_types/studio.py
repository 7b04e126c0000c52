"""Studio's resource types, as the same API operations a client would call, until the service is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from mllocal.errors import ApiError
from mllocal.sagemaker import wire
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class StudioType:
    """A type of Studio's whose API operations are called after `noun`. The physical id is the last of `identifiers`.

    `created_only` are the properties with which another resource takes the place of this one, `attributes` what Describe
    answers for `Fn::GetAtt`, `members` the names that the API has for properties with another name.
    """

    service: Service
    noun: str
    identifiers: tuple[str, ...]
    created_only: tuple[str, ...]
    attributes: tuple[str, ...]
    members: Mapping[str, str] = field(default_factory=dict)

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        answer = self.service.invoke(f"Create{self.noun}", scope, self._request(properties))
        key = {name: str({**properties, **answer}[name]) for name in self.identifiers}
        return key[self.identifiers[-1]], self._ready(scope, key)

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        if any(new.get(name) != old.get(name) for name in self.created_only):
            return self.create(scope, physical_id, new, "replaced")
        key = self._key(physical_id, old)
        self.service.invoke(f"Update{self.noun}", scope, {**self._changes(new), **key})
        return physical_id, self._ready(scope, key)

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        """Delete it, and take one that is gone already for deleted, as CloudFormation does."""
        key = self._key(physical_id, properties)
        try:
            self.service.invoke(f"Delete{self.noun}", scope, key)
            while True:
                self.service.invoke(f"Describe{self.noun}", scope, key)
                time.sleep(_POLL_SECONDS)
        except ApiError as error:
            if error.code != "ResourceNotFound":
                raise

    def _ready(self, scope: Scope, key: Document) -> Document:
        while (answer := self.service.invoke(f"Describe{self.noun}", scope, key)).get("Status") == "Pending":
            time.sleep(_POLL_SECONDS)
        return {name: answer[name] for name in self.attributes if name in answer}

    def _key(self, physical_id: str, properties: Document) -> Document:
        return {**{name: properties[name] for name in self.identifiers[:-1]}, self.identifiers[-1]: physical_id}

    def _changes(self, properties: Document) -> Document:
        """The properties that the Update operation takes."""
        shape = wire.operation_model(f"Update{self.noun}").input_shape.members
        for_update = {f"{name}ForUpdate": value for name, value in properties.items()}
        return {name: value for name, value in {**self._request(properties), **for_update}.items() if name in shape}

    def _request(self, properties: Document) -> Document:
        return {self.members.get(name, name): value for name, value in properties.items()}


def studio_types(service: Service) -> dict[str, StudioType]:
    """Domains, their user profiles and spaces, and images."""
    return {
        "AWS::SageMaker::Domain": StudioType(
            service,
            "Domain",
            identifiers=("DomainId",),
            created_only=("AuthMode", "DomainName", "KmsKeyId"),
            attributes=("DomainArn", "DomainId", "HomeEfsFileSystemId", "Url"),
        ),
        "AWS::SageMaker::UserProfile": StudioType(
            service,
            "UserProfile",
            identifiers=("DomainId", "UserProfileName"),
            created_only=("DomainId", "SingleSignOnUserIdentifier", "SingleSignOnUserValue", "UserProfileName"),
            attributes=("UserProfileArn",),
        ),
        "AWS::SageMaker::Space": StudioType(
            service,
            "Space",
            identifiers=("DomainId", "SpaceName"),
            created_only=("DomainId", "OwnershipSettings", "SpaceName", "SpaceSharingSettings"),
            attributes=("SpaceArn", "Url"),
        ),
        "AWS::SageMaker::Image": StudioType(
            service,
            "Image",
            identifiers=("ImageName",),
            created_only=("ImageName",),
            attributes=("ImageArn",),
            members={"ImageDescription": "Description", "ImageDisplayName": "DisplayName", "ImageRoleArn": "RoleArn"},
        ),
        "AWS::SageMaker::AppImageConfig": StudioType(
            service,
            "AppImageConfig",
            identifiers=("AppImageConfigName",),
            created_only=("AppImageConfigName",),
            attributes=("AppImageConfigArn",),
        ),
    }
