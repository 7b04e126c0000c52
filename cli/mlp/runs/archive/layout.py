"""What an archive holds: the files of the store under their names there, so that each is named by its digest or its run.

ro-crate-metadata.json              what is here, and the SHA-256 of each file
runs/<run id>.json                  the run's observations, and the digest of the record that they make
records/<2 digits>/<64>.json        that record
blobs/<2 digits>/<64>               what the record names by digest: diffs, listings, local files
environments/<2 digits>/<64>.json   what a probe found in the run's image
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlp.runs.archive.crate import Member
from mlrecords.canonical import canonical
from mlrecords.codec import from_json, to_json
from mlrecords.observations import Observation
from mlrecords.record import DataListing
from mlrecords.store import StoredRun

RUNS, RECORDS, BLOBS, ENVIRONMENTS = "runs", "records", "blobs", "environments"
_LOCAL = "file:"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file to put into an archive."""

    name: str
    title: str
    content: bytes

    @property
    def member(self) -> Member:
        """As the description names it."""
        sha256 = hashlib.sha256(self.content).hexdigest()
        return Member(name=self.name, title=self.title, size_bytes=len(self.content), sha256=sha256)


def run_entry(run: StoredRun) -> Entry:
    """A run's observations."""
    document = {
        "run_id": run.run_id,
        "record": run.record_digest,
        "observations": [to_json(one) for one in run.observations],
    }
    return Entry(
        name=f"{RUNS}/{run.run_id}.json", title=f"Observations of run {run.run_id}", content=canonical(document)
    )


def record_entry(run: StoredRun) -> Entry:
    """The record that they make."""
    name = by_digest(RECORDS, str(run.record_digest), ".json")
    return Entry(name=name, title=f"Record of run {run.run_id}", content=canonical(run.record))


def blob_entry(name: str, content: bytes) -> Entry:
    """Content that a record names by its digest."""
    return Entry(name=by_digest(BLOBS, name), title=f"Content {name}", content=content)


def environment_entry(image_digest: str, found: Mapping[str, Any]) -> Entry:
    """What is installed in an image."""
    name = by_digest(ENVIRONMENTS, image_digest, ".json")
    return Entry(name=name, title=f"What is installed in image {image_digest}", content=canonical(found))


def by_digest(folder: str, name: str, suffix: str = "") -> str:
    """Where something is that is called by a digest."""
    hexadecimal = name.removeprefix("sha256:")
    return f"{folder}/{hexadecimal[:2]}/{hexadecimal}{suffix}"


def digest_in(name: str) -> str:
    """The digest in the name of a file that is called by it."""
    return f"sha256:{name.rpartition('/')[2].removesuffix('.json')}"


def blobs_named(run: StoredRun) -> Iterator[str]:
    """Digests of the blobs that a run's observations name, but for listings: see `listings_named`."""
    for observation in run.observations:
        diff = (observation.facts.get("code") or {}).get("diff")
        if diff is not None:
            yield diff
    for data in _data_of(run):
        version = data.get("version")
        if version is not None and str(data.get("uri")).endswith(f"/{by_digest(BLOBS, version)}"):
            yield version  # A report, which the store itself keeps.


def listings_named(run: StoredRun) -> Iterator[str]:
    """Digests of the blobs that are listings of data; those of local files name more, see `blobs_listed`."""
    return (data["listing"] for data in _data_of(run) if data.get("listing") is not None)


def blobs_listed(listing: bytes) -> Iterator[str]:
    """Digests of the local files in a listing, which the store keeps; what is in S3 stays where it is."""
    found = from_json(DataListing, json.loads(listing), "a listing of data")
    if found.uri.startswith(_LOCAL):
        yield from (one.sha256 for one in found.objects if one.sha256 is not None)


def observations_in(content: bytes, name: str) -> tuple[str | None, tuple[Observation, ...]]:
    """The digest of the record, and the observations, in the file of a run. Raises `ValueError`, `InvalidDocumentError`."""
    document = json.loads(content)
    try:
        return document["record"], tuple(from_json(Observation, one, name) for one in document["observations"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name} holds no observations: {error!r}") from error


def _data_of(run: StoredRun) -> Iterator[Mapping[str, Any]]:
    sides = ((observation.facts.get("inputs"), observation.facts.get("outputs")) for observation in run.observations)
    return (data for pair in sides for side in pair for data in (side or {}).values())
