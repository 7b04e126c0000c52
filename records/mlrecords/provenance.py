"""Where the code of an archive came from. A stack publishes it beside each archive of source that it ships.

    <prefix>/<64>.gz                  an archive in the asset bucket, named after its content
    <prefix>/provenance/<64>.json     the commit, remote and directory of that content, and the patch where it was not committed

The name follows from the archive's alone, so templates stay the same from commit to commit. The asset bucket keeps what was
published first under a name: the content is the same, so whatever commit said so first is right.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

from mlrecords.canonical import canonical
from mlrecords.git import Checkout
from mlrecords.observations import facts_of
from mlrecords.record import Code

FOLDER = "provenance"
_ARCHIVE = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<prefix>(.*/)?)(?P<name>[0-9a-f]{64})(\.tar)?\.gz")


class Blobs(Protocol):
    """What keeps content by its digest: a `store.RecordStore`."""

    def keep(self, content: bytes) -> str:
        """Keep content; its digest."""


def document(checkout: Checkout) -> bytes:
    """What is published of a checkout. The patch is in base64: it is bytes, in no encoding."""
    return canonical(
        {
            "schema_version": "1.0",
            "commit": checkout.commit,
            "remote": checkout.remote,
            "directory": checkout.directory,
            "dirty": checkout.dirty,
            "left_out": list(checkout.left_out),
            "patch": base64.b64encode(checkout.patch).decode() or None,
        }
    )


def uri_of(archive_uri: str) -> str | None:
    """Where the provenance of an archive is, if it has one; None for what is no archive of a stack."""
    match = _ARCHIVE.fullmatch(archive_uri)
    return None if match is None else f"s3://{match['bucket']}/{match['prefix']}{FOLDER}/{match['name']}.json"


def facts(s3: Any, store: Blobs, archive_uri: str) -> Mapping[str, Any] | None:
    """The facts of `Code` that an observation takes; the patch becomes a blob of the store.

    None if no stack published any, as when it was synthesized outside of a git checkout. `s3` may need `s3:ListBucket` on the
    asset bucket: without it S3 answers AccessDenied for what is not there, which is raised.
    """
    uri = uri_of(archive_uri)
    if uri is None:
        return None
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    try:
        found = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    patch = found["patch"]
    code = Code(
        archive_uri=archive_uri,
        commit=found["commit"],
        remote=found["remote"],
        directory=found["directory"],
        dirty=found["dirty"],
        diff=None if patch is None else store.keep(base64.b64decode(patch)),
    )
    code_facts: Mapping[str, Any] = facts_of({"code": code})["code"]
    return code_facts
