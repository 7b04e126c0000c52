"""Runs out of a store into an archive. The same runs always make the same bytes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlp.runs.archive.crate import METADATA, Member, description
from mlp.runs.archive.layout import (
    Entry,
    blob_entry,
    blobs_listed,
    blobs_named,
    environment_entry,
    listings_named,
    record_entry,
    run_entry,
)
from mlrecords.observations import record_of
from mlrecords.store import MissingBlobError, RecordStore, StoredRun

_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that zip knows."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an archive got. `missing` are sentences on content that records name and the store does not hold."""

    run_ids: tuple[str, ...]
    files: int
    missing: tuple[str, ...]


def export(store: RecordStore, run_ids: Sequence[str], path: Path) -> Exported:
    """Write the runs, with everything that their records name by digest, into a new archive.

    The file appears when it is whole. Raises `RunNotFoundError`, and `FileExistsError` for a file that is there.
    """
    if path.exists():
        raise FileExistsError(path)
    runs = [store.run(run_id) for run_id in sorted(set(run_ids))]
    records = [record_of(run.record or {}) for run in runs]
    record_files = {run.run_id: record_entry(run).name for run in runs}
    reading = _Reading(store)
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            members = [_write(archive, entry) for entry in reading.entries(runs)]
            content = json.dumps(description(records, members, record_files), indent=2, ensure_ascii=False)
            _write(archive, Entry(name=METADATA, title="Description", content=content.encode()))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Exported(run_ids=tuple(record_files), files=len(members) + 1, missing=tuple(reading.missing))


@dataclass
class _Reading:
    store: RecordStore
    missing: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def entries(self, runs: Iterable[StoredRun]) -> Iterator[Entry]:
        """Every file of the archive, each once."""
        for run in runs:
            yield run_entry(run)
            yield record_entry(run)
            yield from self._blobs(run)
            yield from self._environment(run)

    def _blobs(self, run: StoredRun) -> Iterator[Entry]:
        for name in listings_named(run):
            for entry in self._blob(run, name):
                yield entry
                for listed in blobs_listed(entry.content):
                    yield from self._blob(run, listed)
        for name in blobs_named(run):
            yield from self._blob(run, name)

    def _blob(self, run: StoredRun, name: str) -> Iterator[Entry]:
        if name in self.done:
            return
        self.done.add(name)
        try:
            yield blob_entry(name, self.store.blob(name))
        except MissingBlobError as error:
            self.missing.append(f"run {run.run_id}: {error}")

    def _environment(self, run: StoredRun) -> Iterator[Entry]:
        image = record_of(run.record or {}).environment.image
        if image is None or image.digest is None or image.digest in self.done:
            return
        self.done.add(image.digest)
        found = self.store.environment(image.digest)
        if found is not None:
            yield environment_entry(image.digest, found)


def _write(archive: zipfile.ZipFile, entry: Entry) -> Member:
    info = zipfile.ZipInfo(entry.name, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, entry.content)
    return entry.member
