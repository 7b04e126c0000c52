"""The objects in S3 that a run read or wrote, as they were at a moment."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mlrecords.data import UNVERSIONED
from mlrecords.pins.clients import unless_out_of_reach
from mlrecords.record import DataListing, DataObject

MOST_VERSIONS = 100_000
MOST_READ_OBJECTS, MOST_READ_BYTES = 200, 64 * 1024**2
MOST_ASKED_OBJECTS = 1_000
_AT_ONCE = 8
_CHUNK_BYTES = 1024**2
_WHOLE_SECOND = timedelta(seconds=1)  # S3 tells when an object was written by the second.
_CHECKSUMS = ("CRC64NVME", "CRC32C", "CRC32", "SHA1")


class NotKnownError(Exception):
    """Which objects there were at the moment cannot be told, or not within the limits."""


@dataclass(frozen=True)
class Place:
    """A bucket, and a key or the start of keys."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> "Place | None":
        """None for what is no place in S3."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key) if uri.startswith("s3://") and bucket else None

    def request(self, one: DataObject) -> dict[str, str]:
        """What names an object of a listing here, with the content that it had then."""
        content = {"VersionId": one.version_id} if one.version_id else {"IfMatch": f'"{one.etag}"'}
        return {"Bucket": self.bucket, "Key": self.key + one.key, **content}


def read_at(s3: Any, place: Place, moment: datetime) -> tuple[DataObject, ...]:
    """The objects whose keys start with the place's key, in the versions that were there at the moment. Empty folders are none.

    That is what SageMaker reads of an S3 prefix. Raises `NotKnownError` if there are too many, or if an object without versions
    was written since: what was there before it is gone.
    """
    return tuple(_at(_histories(s3, place), place, moment))


def written_between(s3: Any, place: Place, start: datetime | None, end: datetime) -> tuple[DataObject, ...]:
    """The object at the place, or those in the folder that it names, which were written between two moments and kept until then."""
    folder = f"{place.key.rstrip('/')}/" if place.key else ""
    histories = {
        key: [event for event in history if start is None or event.at >= start.replace(microsecond=0)]
        for key, history in _histories(s3, place).items()
        if key == place.key or key.startswith(folder)
    }
    return tuple(_at(histories, place, end))


def with_content(s3: Any, place: Place, objects: Sequence[DataObject]) -> tuple[DataObject, ...]:
    """The objects with what tells their content: SHA-256 where all of them may be read, else the checksums that S3 keeps.

    Which of the two depends on number and size only, so that the same content is told the same way. An object that was deleted
    in between or may not be read stays as it is.
    """
    is_small = len(objects) <= MOST_READ_OBJECTS and sum(one.size_bytes for one in objects) <= MOST_READ_BYTES
    if not is_small and len(objects) > MOST_ASKED_OBJECTS:
        return tuple(objects)
    tell: Callable[[Any, Place, DataObject], DataObject] = _with_sha256 if is_small else _with_checksum
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(lambda one: unless_out_of_reach(lambda: tell(s3, place, one)) or one, objects))


def listing_of(place: Place, objects: Sequence[DataObject]) -> DataListing:
    """The objects by what comes after the folder that holds them all, so that a folder is the same with a slash at its end or not.

    The URI is the folder's, with a slash, or that of the one object that is at the place.
    """
    names = [place.key + one.key for one in objects]
    folder = f"{place.key.rstrip('/')}/" if place.key else ""
    if names == [place.key]:
        folder = place.key
    elif not all(name.startswith(folder) for name in names):
        folder = place.key[: place.key.rfind("/") + 1]
    relative = (replace(one, key=name[len(folder) :]) for one, name in zip(objects, names, strict=True))
    return DataListing(uri=f"s3://{place.bucket}/{folder}", objects=tuple(relative))


@dataclass(frozen=True)
class _Event:
    """A version of an object that was written, or, without one, its deletion."""

    at: datetime
    is_latest: bool
    written: DataObject | None
    has_versions: bool


def _histories(s3: Any, place: Place) -> dict[str, list[_Event]]:
    """What happened to each key, the newest first."""
    histories: dict[str, list[_Event]] = {}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=place.bucket, Prefix=place.key)
    count = 0
    for page in pages:
        for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            histories.setdefault(found["Key"], []).append(_event(found, place))
            count += 1
        if count > MOST_VERSIONS:
            raise NotKnownError(f"there are more than {MOST_VERSIONS} versions of objects")
    for history in histories.values():
        history.sort(key=lambda event: (event.at, event.is_latest), reverse=True)
    return histories


def _event(found: Mapping[str, Any], place: Place) -> _Event:
    written = None
    if "Size" in found:
        written = DataObject(
            key=found["Key"][len(place.key) :],
            size_bytes=found["Size"],
            # What has no versions is read as it is now; what was there before the bucket had versions, by that id.
            version_id=None if found["VersionId"] == UNVERSIONED and found["IsLatest"] else found["VersionId"],
            etag=found["ETag"].strip('"'),
        )
    return _Event(found["LastModified"], found["IsLatest"], written, found["VersionId"] != UNVERSIONED)


def _at(histories: Mapping[str, Iterable[_Event]], place: Place, moment: datetime) -> Iterator[DataObject]:
    latest = moment.replace(microsecond=0) + _WHOLE_SECOND if moment.microsecond else moment
    for key, history in sorted(histories.items()):
        then = next((event for event in history if event.at <= latest), None)
        if then is None and any(event.is_latest and not event.has_versions for event in history):
            raise NotKnownError(f"s3://{place.bucket}/{key} was written after the moment, in a bucket without versions")
        if then and then.written and not (key.endswith("/") and then.written.size_bytes == 0):
            yield then.written


def _with_sha256(s3: Any, place: Place, one: DataObject) -> DataObject:
    sha256 = hashlib.sha256()
    for chunk in s3.get_object(**place.request(one))["Body"].iter_chunks(_CHUNK_BYTES):
        sha256.update(chunk)
    return replace(one, sha256=f"sha256:{sha256.hexdigest()}")


def _with_checksum(s3: Any, place: Place, one: DataObject) -> DataObject:
    """A checksum over the whole object; one over the checksums of parts also depends on their sizes, and is taken if there is no other."""
    answer = s3.head_object(**place.request(one), ChecksumMode="ENABLED")
    sha256 = answer.get("ChecksumSHA256")
    if sha256 and answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        return replace(one, sha256=f"sha256:{base64.b64decode(sha256).hex()}")
    names = (name for name in ("SHA256", *_CHECKSUMS) if f"Checksum{name}" in answer)
    return replace(one, checksum=next((f"{name.lower()}:{answer[f'Checksum{name}']}" for name in names), None))
