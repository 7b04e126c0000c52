"""Saved queries, which ministack has as API operations but not as a resource type."""

from __future__ import annotations

from dataclasses import dataclass

from mllocal.aws import Aws
from mllocal.sagemaker.store import Document, Scope


@dataclass(frozen=True)
class NamedQuery:
    """`AWS::Athena::NamedQuery`. The physical id is the one that Athena gives; any change makes another query."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        request = {"Name": logical_id, **properties}
        query_id: str = Aws(scope).client("athena").create_named_query(**request)["NamedQueryId"]
        return query_id, {"NamedQueryId": query_id}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        return self.create(scope, physical_id, new, "")

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        Aws(scope).client("athena").delete_named_query(NamedQueryId=physical_id)
