"""Where records are kept: one versioned bucket. Only the capture function writes records; everybody else sends observations.

    runs/<run id>.json             the run's observations, and the digest of the record they make; changed by compare-and-swap
    records/<2 digits>/<64>.json   each record that there ever was, by its own digest; never changed
    blobs/<2 digits>/<64>          diffs, data listings, package lists, by their own digest; never changed
    environments/<2 digits>/<64>.json  what a probe found installed in an image, by the image's digest; never changed

Writing is idempotent: an observation that is there already changes nothing, and a record that was cut short is written again by the
observation's next delivery, since the run names a record only after it was written.
"""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlrecords.canonical import canonical, digest
from mlrecords.codec import from_json, to_json
from mlrecords.observations import Document, Observation, fold, record_of
from mlrecords.record import RunRecord

ATTEMPTS = 30
FIRST_WAIT_SECONDS = 0.02
LONGEST_WAIT_SECONDS = 2.0
_MISSING = ("NoSuchKey", "404")
_LOST = ("PreconditionFailed", "ConditionalRequestConflict")


class RunNotFoundError(Exception):
    """The store has no record of the run."""


class MissingBlobError(Exception):
    """A record names content that the store does not hold."""


class ContendedRunError(Exception):
    """Others changed the run each time that an observation was to be added."""


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run as the bucket holds it; `record` is None while nothing says what the run is."""

    run_id: str
    observations: tuple[Observation, ...] = ()
    record: Document | None = None
    record_digest: str | None = None


@dataclass(frozen=True)
class RecordStore:
    """The records in a bucket. `s3` is a client of boto3."""

    s3: Any
    bucket: str

    def observe(self, observations: Sequence[Observation]) -> StoredRun:
        """Add observations of one run, and write the record that they make with those that are there.

        Raises `codec.InvalidDocumentError` when that is no run record: then nothing is written. Raises `ContendedRunError`.
        """
        run_id = observations[0].run_id
        for attempt in range(ATTEMPTS):
            before, condition = self._read(run_id)
            known = {one.digest for one in before.observations}
            news = {one.digest: one for one in observations if one.digest not in known}
            if not news:
                return before
            after = _with_record(run_id, (*before.observations, *news.values()))
            if after.record is not None and after.record_digest is not None:
                self._put_once(record_key(after.record_digest), canonical(after.record), "application/json")
            if self._replace(after, condition):
                return after
            time.sleep(random.uniform(0, min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt)))  # noqa: S311
        raise ContendedRunError(
            f"run {run_id} was changed by others {ATTEMPTS} times in a row; its event is delivered again by the queue"
        )

    def run(self, run_id: str) -> StoredRun:
        """What is known of a run. Raises `RunNotFoundError`."""
        found, _ = self._read(run_id)
        if found.record is None:
            raise RunNotFoundError(
                f"the store in bucket {self.bucket} has no record of run {run_id!r}; `mlp runs list` shows those it has"
            )
        return found

    def record(self, run_id: str) -> RunRecord:
        """The record of a run. Raises `RunNotFoundError`."""
        document = self.run(run_id).record
        return record_of(document or {})

    def keep(self, content: bytes) -> str:
        """Keep content as a blob; its digest."""
        name = digest(content)
        self._put_once(blob_key(name), content, "application/octet-stream")
        return name

    def blob(self, name: str) -> bytes:
        """The content of a blob by its digest. Raises `MissingBlobError` if it is not there or is not what the digest says."""
        found = self._get(blob_key(name))
        if found is None:
            raise MissingBlobError(f"the store in bucket {self.bucket} does not hold the blob {name}")
        content: bytes = found["Body"].read()
        if digest(content) != name:
            raise MissingBlobError(f"the blob {name} in bucket {self.bucket} has other content: {digest(content)}")
        return content

    def keep_environment(self, image_digest: str, found: Document) -> None:
        """Keep what is installed in an image; what was found first stays."""
        self._put_once(_environment_key(image_digest), canonical(found), "application/json")

    def environment(self, image_digest: str) -> Document | None:
        """What a probe found installed in an image; None if nobody made one."""
        found = self._get(_environment_key(image_digest))
        return None if found is None else dict(json.loads(found["Body"].read()))

    def _read(self, run_id: str) -> tuple[StoredRun, dict[str, str]]:
        """The run, and the condition under which it may be replaced."""
        found = self._get(run_key(run_id))
        if found is None:
            return StoredRun(run_id=run_id), {"IfNoneMatch": "*"}
        document = json.loads(found["Body"].read())
        observations = tuple(
            from_json(Observation, one, f"an observation of run {run_id}") for one in document["observations"]
        )
        return _with_record(run_id, observations), {"IfMatch": found["ETag"]}

    def _replace(self, run: StoredRun, condition: dict[str, str]) -> bool:
        """Whether the run was written: not if another was since the condition was read."""
        document = {
            "run_id": run.run_id,
            "record": run.record_digest,
            "observations": [to_json(one) for one in run.observations],
        }
        return self._put(run_key(run.run_id), canonical(document), "application/json", condition)

    def _put_once(self, key: str, content: bytes, content_type: str) -> None:
        """Write what has its digest as its name: if it is there, it is the same."""
        self._put(key, content, content_type, {"IfNoneMatch": "*"})

    def _put(self, key: str, content: bytes, content_type: str, condition: dict[str, str]) -> bool:
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _LOST:
                raise
            return False
        return True

    def _get(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None
        return found


def _with_record(run_id: str, observations: tuple[Observation, ...]) -> StoredRun:
    """Raises `codec.InvalidDocumentError` when the observations make something that is no run record."""
    record = fold(run_id, observations)
    if record is not None:
        record_of(record)
    return StoredRun(
        run_id=run_id,
        observations=tuple(sorted(observations, key=lambda one: (one.order, one.digest))),
        record=record,
        record_digest=None if record is None else digest(canonical(record)),
    )


def run_key(run_id: str) -> str:
    return f"runs/{run_id}.json"


def record_key(name: str) -> str:
    return f"records/{_path(name)}.json"


def blob_key(name: str) -> str:
    return f"blobs/{_path(name)}"


def _environment_key(image_digest: str) -> str:
    return f"environments/{_path(image_digest)}.json"


def _path(name: str) -> str:
    hexadecimal = name.removeprefix("sha256:")
    return f"{hexadecimal[:2]}/{hexadecimal}"
