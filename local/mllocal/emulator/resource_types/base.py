"""What CloudFormation needs of a type."""

from __future__ import annotations

from typing import Protocol

from mllocal.sagemaker.store import Document, Scope


class ResourceType(Protocol):
    """A type of resource. `create` and `update` give the physical id and the attributes for `Fn::GetAtt`."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]: ...

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]: ...

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None: ...
