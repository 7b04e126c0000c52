"""States of Studio's resources, which take a while to change: nothing runs meanwhile, whoever looks sees what is due.

A document that is on its way carries `Next`: what it becomes, and when. So a state survives a killed engine, too.
"""

from __future__ import annotations

import time

from mllocal.errors import in_use
from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.service import Service, arn_of
from mllocal.sagemaker.store import Document, Scope

SECONDS = 0.1
"""How long a creation or deletion takes here; minutes in AWS."""
_GONE = None


def create(service: Service, kind: Kind, scope: Scope, name: str, document: Document) -> Document:
    """Store a new resource that becomes InService in a while.

    Raises:
        ApiError: the name is taken.
    """
    if find(service, kind, scope, name) is not None:
        raise in_use(f"{kind.name} {name} already exists")
    return service.create(kind, scope, name, {**document, "Status": "Pending", "Next": _soon("InService")})


def find(service: Service, kind: Kind, scope: Scope, name: str) -> Document | None:
    """The resource in the state that it has reached by now, or None."""
    document = service.store.get(arn_of(kind, scope, name))
    return None if document is None else settled(service, kind, document)


def require(service: Service, kind: Kind, scope: Scope, name: str) -> Document:
    """The same, or the error AWS gives for an unknown one."""
    document = find(service, kind, scope, name)
    return service.require(kind, arn_of(kind, scope, name), name) if document is None else document


def all_of(service: Service, kind: Kind, scope: Scope, domain_id: str | None = None) -> list[Document]:
    """Every resource of a kind in the states they have reached, oldest first; those of one domain, or all."""
    documents = (settled(service, kind, document) for document in service.store.find(kind.name, scope))
    return [it for it in documents if it is not None and domain_id in (None, it["DomainId"])]


def delete(service: Service, kind: Kind, document: Document, *, becomes: str | None = _GONE) -> None:
    """Begin a deletion; in a while the resource is gone, or in the state `becomes`."""
    changes = {"Status": "Deleting", "Next": _soon(becomes), "LastModifiedTime": time.time()}
    service.store.update(document[kind.arn_field], lambda stored: stored.update(changes))


def update(service: Service, kind: Kind, document: Document, changes: Document) -> Document:
    """Change a resource in place; it is ready at once."""
    return service.store.update(
        document[kind.arn_field], lambda stored: stored.update(changes, LastModifiedTime=time.time())
    )


def settled(service: Service, kind: Kind, document: Document) -> Document | None:
    """The document as it is by now; None when it has gone."""
    due = document.get("Next")
    if due is None or time.time() < due["At"]:
        return document
    arn = document[kind.arn_field]
    if due["Status"] is _GONE:
        service.store.delete(arn)
        return None
    return service.store.update(arn, lambda stored: stored.update(Status=due["Status"], Next=None))


def _soon(status: str | None) -> Document:
    return {"Status": status, "At": time.time() + SECONDS}
