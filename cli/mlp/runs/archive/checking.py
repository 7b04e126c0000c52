"""Whether an archive is whole and what it says it is: looked at before anything of it goes anywhere."""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp.errors import CliError, ExitCode
from mlp.runs.archive.crate import METADATA, Member, members_in
from mlp.runs.archive.layout import BLOBS, ENVIRONMENTS, RECORDS, RUNS, by_digest, digest_in, observations_in
from mlrecords.canonical import canonical, digest
from mlrecords.codec import InvalidDocumentError
from mlrecords.observations import fold, record_of
from mlrecords.store import StoredRun

_PROBLEMS_SHOWN = 10
_CHUNK_BYTES = 1024 * 1024
# For most of what may be wrong with a zip, `zipfile` raises what its parts raise.
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An archive that is good: its runs, and the names of its blobs and environments."""

    path: Path
    runs: tuple[StoredRun, ...]
    blobs: tuple[str, ...]
    environments: tuple[str, ...]

    def contents(self, folder: str) -> Iterator[tuple[str, bytes]]:
        """The files of `blobs` or `environments`, one after the other, by digest."""
        with zipfile.ZipFile(self.path) as archive:
            for name in {BLOBS: self.blobs, ENVIRONMENTS: self.environments}[folder]:
                yield digest_in(name), archive.read(name)


def check(path: Path) -> Checked:
    """Look at every byte of an archive. Raises `CliError` with all that is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            checking = _Checking(archive)
            problems = list(checking.problems())
    except FileNotFoundError as error:
        raise CliError(
            f"there is no file {path}", fix="name an archive of `mlp runs export`", exit_code=ExitCode.NOT_FOUND
        ) from error
    except _BROKEN as error:
        raise _refused(path, [f"it is no whole zip: {error}"]) from error
    if problems:
        raise _refused(path, problems)
    return Checked(
        path=path,
        runs=tuple(checking.runs),
        blobs=checking.names(BLOBS),
        environments=checking.names(ENVIRONMENTS),
    )


class _Checking:
    """`runs` are those in the archive, once it was looked at."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.runs: list[StoredRun] = []

    def names(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.archive.namelist() if name.startswith(f"{folder}/")))

    def problems(self) -> Iterator[str]:
        """What is wrong, as sentences; what follows from one of them is not looked at."""
        try:
            members = members_in(json.loads(self.archive.read(METADATA)))
        except KeyError:
            yield f"it has no {METADATA}"
            return
        except ValueError as error:
            yield str(error)
            return
        found = [*self._files(members)]
        yield from found
        if not found:
            yield from self._named()
            for name in self.names(RUNS):
                yield from self._run(name)
            yield from self._records()

    def _files(self, members: list[Member]) -> Iterator[str]:
        """Everything that is named is there as it was, and nothing else is."""
        there, named = Counter(self.archive.namelist()), {member.name: member for member in members}
        yield from (f"{name} is there {count} times" for name, count in there.items() if count > 1)
        yield from (f"{name} is missing" for name in sorted(named.keys() - there.keys()))
        yield from (f"{name} is not named in {METADATA}" for name in sorted(there.keys() - named.keys() - {METADATA}))
        for name in sorted(named.keys() & there.keys()):
            yield from self._content(named[name])

    def _content(self, member: Member) -> Iterator[str]:
        found = hashlib.sha256()
        with self.archive.open(member.name) as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                found.update(chunk)
        if found.hexdigest() != member.sha256:
            yield f"{member.name} has the SHA-256 {found.hexdigest()}, and {METADATA} says {member.sha256}"

    def _named(self) -> Iterator[str]:
        """Files are where they belong, and what is called by its digest has it."""
        known = tuple(f"{folder}/" for folder in (RUNS, RECORDS, BLOBS, ENVIRONMENTS))
        for name in self.archive.namelist():
            if name != METADATA and not name.startswith(known):
                yield f"{name} is no file of an archive of runs"
        for folder in (RECORDS, BLOBS):
            for name in self.names(folder):
                content = self.archive.read(name)
                if name != by_digest(folder, digest(content), ".json" if folder == RECORDS else ""):
                    yield f"{name} has the content {digest(content)}"

    def _run(self, name: str) -> Iterator[str]:
        """The observations of a run are its own, and make the record that is there."""
        run_id = name.removeprefix(f"{RUNS}/").removesuffix(".json")
        try:
            record_digest, observations = observations_in(self.archive.read(name), name)
            strangers = sorted({one.run_id for one in observations} - {run_id})
            document: dict[str, Any] | None = fold(run_id, observations)
            record_of(document or {})
        except (ValueError, InvalidDocumentError) as error:
            yield f"{name}: {error}"
            return
        if strangers:
            yield f"{name} has observations of run {', '.join(strangers)}"
            return
        made = digest(canonical(document))
        if made != record_digest or by_digest(RECORDS, made, ".json") not in self.names(RECORDS):
            yield f"the observations in {name} make the record {made}, and the archive has {record_digest}"
            return
        self.runs.append(
            StoredRun(run_id=run_id, observations=observations, record=document, record_digest=record_digest)
        )

    def _records(self) -> Iterator[str]:
        made = {by_digest(RECORDS, str(run.record_digest), ".json") for run in self.runs}
        yield from (f"{name} is the record of no run that is here" for name in self.names(RECORDS) if name not in made)


def _refused(path: Path, problems: list[str]) -> CliError:
    more = len(problems) - _PROBLEMS_SHOWN
    said = "; ".join(problems[:_PROBLEMS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    fix = "nothing of it was imported; copy it again from where it was made, or export the runs again"
    return CliError(f"{path} is not what `mlp runs export` wrote: {said}", fix=fix, exit_code=ExitCode.BAD_INPUT)
