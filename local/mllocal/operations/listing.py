"""List operations: filtering, sorting and paging, written once for every kind."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from mllocal.errors import validation
from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.store import Document

DEFAULT_PAGE_SIZE = 100
_Comparison = Callable[[Any, Any], bool]
_TIMES: dict[str, tuple[str, _Comparison]] = {
    "CreationTimeAfter": ("CreationTime", operator.gt),
    "CreationTimeBefore": ("CreationTime", operator.lt),
    "CreatedAfter": ("CreationTime", operator.gt),
    "CreatedBefore": ("CreationTime", operator.lt),
    "LastModifiedTimeAfter": ("LastModifiedTime", operator.gt),
    "LastModifiedTimeBefore": ("LastModifiedTime", operator.lt),
}


def page(
    kind: Kind, documents: list[Document], request: dict[str, Any], member: str, *, order: str = "Ascending"
) -> Document:
    """One page of `documents` under `member`, as the request's filters, order and token ask; `order` is the operation's default."""
    found = [document for document in documents if _wanted(kind, document, request)]
    key = {"Name": kind.name_field, "Status": kind.status_field}.get(request.get("SortBy", ""), "CreationTime")
    found.sort(key=lambda document: document[key or "CreationTime"])
    if request.get("SortOrder", order) == "Descending":
        found.reverse()
    start = _offset(request.get("NextToken"))
    end = start + request.get("MaxResults", DEFAULT_PAGE_SIZE)
    return {member: found[start:end], "NextToken": str(end) if end < len(found) else None}


def _wanted(kind: Kind, document: Document, request: dict[str, Any]) -> bool:
    text = request.get("NameContains") or request.get("PipelineNamePrefix") or ""
    status = request.get("StatusEquals")
    return (
        text.lower() in document[kind.name_field].lower()
        and (status is None or kind.status_field is None or document[kind.status_field] == status)
        and all(holds(document[field], request[name]) for name, (field, holds) in _TIMES.items() if name in request)
    )


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise validation(f"NextToken {token!r} is not one that this API gave; leave it out to start again")
    return int(token)
