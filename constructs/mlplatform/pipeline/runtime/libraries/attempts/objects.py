"""Objects in S3 as the functions of a run read and replace them."""

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

ATTEMPTS = 12
READERS = 16
"""How many objects are read at once; a run may have thousands of parts."""
_LONGEST_PAUSE_SECONDS = 2.0
_OVERTAKEN = ("PreconditionFailed", "ConditionalRequestConflict")

Json = Mapping[str, Any]


class ContendedObjectError(Exception):
    """An object changed each time that it was about to be replaced."""


@dataclass(frozen=True)
class Found:
    """An object as it was when it was read. `fence` is of the attempt that wrote it, 0 where it does not say."""

    body: bytes
    etag: str
    fence: int

    @property
    def document(self) -> dict[str, Any]:
        """Its content, where that is a JSON object."""
        content: dict[str, Any] = json.loads(self.body)
        return content


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def read_json(s3: Any, uri: str) -> dict[str, Any]:
    """A JSON object in S3."""
    bucket, key = split_uri(uri)
    content: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return content


def read_many(s3: Any, uris: Sequence[str]) -> list[dict[str, Any]]:
    """JSON objects in S3, in the order of their URIs."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda uri: read_json(s3, uri), uris))


def write_json(s3: Any, uri: str, content: Json) -> None:
    """Write a JSON object that nobody else writes."""
    bucket, key = split_uri(uri)
    s3.put_object(Bucket=bucket, Key=key, Body=json_text(content), ContentType="application/json")


def json_text(content: Json) -> bytes:
    """JSON for people as well."""
    return json.dumps(content, indent=1).encode()


def list_sizes(s3: Any, uri: str) -> dict[str, int]:
    """Sizes in bytes of the objects under a prefix, by path relative to it."""
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {found["Key"][len(prefix) :]: found["Size"] for page in pages for found in page.get("Contents", [])}


def find(s3: Any, uri: str) -> Found | None:
    """The object, or None."""
    bucket, key = split_uri(uri)
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # S3 says so of a missing object to a role that may list only some prefixes: a GetObject has no `s3:prefix`.
        if code == "AccessDenied" and "" in list_sizes(s3, uri):
            found = s3.get_object(Bucket=bucket, Key=key)
        elif code in ("AccessDenied", "NoSuchKey"):
            return None
        else:
            raise
    return Found(body=found["Body"].read(), etag=found["ETag"], fence=int(found["Metadata"].get("fence", 0)))


def replace(
    s3: Any,
    uri: str,
    *,
    fence: int,
    text: Callable[[Found | None], bytes],
    content_type: str,
    overtaken: Callable[[Found], bool],
) -> bool:
    """Put what `text` makes of the present object in its place, unless that one has `overtaken` us; says whether it did.

    Nobody's writing is lost: the object is replaced only if its ETag still is the one that was read. That tells equal contents apart
    only in buckets with a KMS key, as all of the platform are ("ETags that are not an MD5 digest": S3 API reference, `Object`); where
    content may return, let it name its writer.
    """
    bucket, key = split_uri(uri)
    for attempt in range(ATTEMPTS):
        current = find(s3, uri)
        if current is not None and overtaken(current):
            return False
        condition = {"IfNoneMatch": "*"} if current is None else {"IfMatch": current.etag}
        try:
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=text(current),
                ContentType=content_type,
                Metadata={"fence": str(fence)},
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OVERTAKEN:
                raise
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.05 * 2**attempt)))  # noqa: S311 - not a secret
        else:
            return True
    raise ContendedObjectError(f"{uri} changed {ATTEMPTS} times in a row; retry the execution")


def write_once(s3: Any, uri: str, *, fence: int, make: Callable[[], Json]) -> dict[str, Any]:
    """The JSON object in S3: what `make` answers, unless somebody has written it before."""
    replace(
        s3,
        uri,
        fence=fence,
        text=lambda _: json_text(make()),
        content_type="application/json",
        overtaken=lambda _: True,
    )
    return read_json(s3, uri)


def tag(s3: Any, bucket: str, keys: Iterable[str], name: str, value: str) -> None:
    """Give objects one tag, in the place of those that they had."""
    tagging = {"TagSet": [{"Key": name, "Value": value}]}
    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(lambda key: s3.put_object_tagging(Bucket=bucket, Key=key, Tagging=tagging), keys):
            """Errors are raised here."""
