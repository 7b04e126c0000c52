"""The description of an archive for people and tools that know nothing of this platform. Pure.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) with the profile Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5): each run
is a `CreateAction` with what it used and made. It repeats what the records in the archive say, and has the size and SHA-256 of every file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlrecords.canonical import digest
from mlrecords.codec import to_json
from mlrecords.record import Data, RunRecord
from mlrecords.states import has_succeeded, is_over

METADATA = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.1"
PROCESS_RUN = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = [f"{VERSION}/context", {"sha256": "https://schema.org/sha256"}]
_STATUS = "http://schema.org/{}ActionStatus"

Entity = dict[str, Any]

_LICENCE: Entity = {
    "@id": "#licence",
    "@type": "CreativeWork",
    "name": "Not stated",
    "description": "The records say nothing of a licence; ask those who made the runs.",
}


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file of the archive. `sha256` is 64 hexadecimal digits."""

    name: str
    title: str
    size_bytes: int
    sha256: str

    @property
    def media_type(self) -> str:
        """By the file's name."""
        return "application/json" if self.name.endswith(".json") else "application/octet-stream"


def description(records: Sequence[RunRecord], members: Sequence[Member], record_files: Mapping[str, str]) -> Entity:
    """The content of `ro-crate-metadata.json`. `record_files` are names of the files with the records, by run id."""
    actions = [_action(record, record_files[record.run_id]) for record in records]
    about = [entity for record in records for entity in _used(record)]
    profile = {"@id": PROCESS_RUN, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    entities = [
        {"@id": METADATA, "@type": "CreativeWork", "about": _link("./"), "conformsTo": _link(VERSION)},
        _root(records, members),
        profile,
        _LICENCE,
        *(_file(member) for member in members),
        *actions,
        *about,
    ]
    return {"@context": _CONTEXT, "@graph": list({entity["@id"]: entity for entity in entities}.values())}


def members_in(document: Any) -> list[Member]:
    """The files that a description names. Raises `ValueError` when it is none of an archive of runs."""
    try:
        files = [entity for entity in document["@graph"] if entity["@type"] == "File"]
        return [
            Member(
                name=str(entity["@id"]),
                title=str(entity["name"]),
                size_bytes=int(entity["contentSize"]),
                sha256=str(entity["sha256"]),
            )
            for entity in files
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{METADATA} does not name its files with their sizes and SHA-256: {error!r}") from error


def _root(records: Sequence[RunRecord], members: Sequence[Member]) -> Entity:
    names = ", ".join(f"{record.identity.kind} {record.identity.name}" for record in records)
    moments = [moment for record in records if (moment := record.status.ended_at or record.identity.created_at)]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Records of {len(records)} runs",
        "description": f"What was run, on which data, with which code, environment and parameters, and what came out: {names}.",
        # Of the newest run, so that the same runs always make the same archive.
        "datePublished": f"{max(moments):%Y-%m-%d}" if moments else "1970-01-01",
        "license": _link(_LICENCE["@id"]),
        "conformsTo": _link(PROCESS_RUN),
        "hasPart": [_link(member.name) for member in members],
        "mentions": [_link(_action_id(record)) for record in records],
    }
    return _plain(root)


def _file(member: Member) -> Entity:
    return {
        "@id": member.name,
        "@type": "File",
        "name": member.title,
        "encodingFormat": member.media_type,
        "contentSize": str(member.size_bytes),
        "sha256": member.sha256,
    }


def _action(record: RunRecord, file: str) -> Entity:
    status, notes = record.status, sorted(record.notes.values(), key=lambda note: note.at)
    word = "Completed" if has_succeeded(status.state) else "Failed" if is_over(status.state) else "Active"
    said = {
        "@id": _action_id(record),
        "@type": "CreateAction",
        "name": f"{record.identity.kind} {record.identity.name}",
        "description": "\n\n".join(f"{note.kind}: {note.text}" for note in notes)
        or f"{status.state}; nobody noted anything",
        "startTime": to_json(status.started_at),
        "endTime": to_json(status.ended_at),
        "actionStatus": _STATUS.format(word),
        "error": status.failure_reason or None,
        "agent": _link(_agent_id(record)) if record.identity.created_by else None,
        "instrument": _link(_instrument_id(record)),
        "object": [
            *(_link(_data_id(data)) for data in record.inputs.values()),
            *(_link(entity["@id"]) for entity in _parameters(record)),
        ],
        "result": [_link(_data_id(data)) for data in record.outputs.values()],
        "subjectOf": _link(file),
    }
    return _plain(said)


def _used(record: RunRecord) -> Iterator[Entity]:
    """What the action of a run links to."""
    identity, code, image = record.identity, record.code, record.environment.image
    if identity.created_by:
        yield {"@id": _agent_id(record), "@type": "Person", "name": identity.created_by}
    software = {
        "@id": _instrument_id(record),
        "@type": "SoftwareApplication",
        "name": " ".join(code.entry_point) or record.algorithm.name or (image.uri if image else identity.kind),
        "softwareVersion": code.commit or code.archive_sha256 or (image and image.digest) or "not recorded",
        "url": code.remote if (code.remote or "").startswith("https://") else None,
        "softwareRequirements": [f"{name}=={version}" for name, version in sorted(record.environment.packages.items())],
    }
    yield _plain(software)
    yield from _parameters(record)
    for name, data in (*record.inputs.items(), *record.outputs.items()):
        known: Entity = {
            "@id": _data_id(data),
            "@type": "CreativeWork",
            "name": name,
            "identifier": data.uri,
            "version": data.version,
            "size": None if data.size_bytes is None else f"{data.size_bytes} B",
        }
        yield _plain(known)


def _parameters(record: RunRecord) -> Iterator[Entity]:
    given = {**record.algorithm.hyperparameters, **record.algorithm.seeds}
    for name, value in sorted(given.items()):
        yield {"@id": _local("parameter", record.run_id, name), "@type": "PropertyValue", "name": name, "value": value}


def _plain(entity: Entity) -> Entity:
    """Without what is not known; a list of one is that one, as RO-Crate writes it."""
    known = {name: value for name, value in entity.items() if value not in (None, [])}
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in known.items()}


def _link(name: str) -> Entity:
    return {"@id": name}


def _action_id(record: RunRecord) -> str:
    return f"#run-{record.run_id}"


def _instrument_id(record: RunRecord) -> str:
    return f"#software-{record.run_id}"


def _agent_id(record: RunRecord) -> str:
    return _local("agent", str(record.identity.created_by))


def _data_id(data: Data) -> str:
    return _local("data", data.uri, data.version or "")


def _local(kind: str, *parts: str) -> str:
    """An identifier within the archive; names may have characters that one may not."""
    return f"#{kind}-{digest(chr(0).join(parts).encode()).removeprefix('sha256:')[:32]}"
