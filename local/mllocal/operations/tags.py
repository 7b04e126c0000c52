"""Tags, which every resource carries in its document."""

from __future__ import annotations

from mllocal.errors import not_found
from mllocal.sagemaker.service import Request, Service, operation
from mllocal.sagemaker.store import Document, Scope


@operation("AddTags")
def add_tags(service: Service, scope: Scope, request: Request) -> Document:
    added = {tag["Key"]: tag for tag in request["Tags"]}
    return {"Tags": _change(service, request["ResourceArn"], added, removed=())}


@operation("DeleteTags")
def delete_tags(service: Service, scope: Scope, request: Request) -> Document:
    _change(service, request["ResourceArn"], {}, removed=request["TagKeys"])
    return {}


@operation("ListTags")
def list_tags(service: Service, scope: Scope, request: Request) -> Document:
    return {"Tags": _change(service, request["ResourceArn"], {}, removed=())}


def _change(
    service: Service, arn: str, added: dict[str, dict[str, str]], removed: list[str] | tuple[()]
) -> list[dict[str, str]]:
    def change(document: Document) -> None:
        tags = {tag["Key"]: tag for tag in document.get("Tags", [])} | added
        document["Tags"] = [tag for key, tag in tags.items() if key not in removed]

    try:
        tags: list[dict[str, str]] = service.store.update(arn, change)["Tags"]
    except KeyError:
        raise not_found(f"{arn} does not exist; nothing of it can be tagged") from None
    return tags
