"""What search needs of each run, one row a run, as small files in the bucket of the records: a log that clients follow.

    rows/date=<day>/<time>-<digest>.jsonl.gz   the rows of one batch of captured runs, in the order of time (UTC)
    rows/date=<day>/whole-<digest>.jsonl.gz    all rows of a day, each run once, in place of the day's other files

A row repeats what a record says, so files may come twice, late or in any order: of the rows of a run the one with the highest
`order` counts. A record is made of a set of observations that only grows, each set a part of the next, so the number of
observations orders the records of a run, and a late old row never wins over a newer one. A run that was forgotten has a row, too,
which wins over all others; whoever reads rows leaves out those that are `deleted`.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlrecords.canonical import canonical, digest

if TYPE_CHECKING:
    from mlrecords.observations import Document
    from mlrecords.store import RecordStore, StoredRun

Row = dict[str, Any]

PREFIX = "rows/"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("run_id", "record"), "string"),
    "revision": "bigint",
    "deleted": "boolean",
    **dict.fromkeys(("kind", "name", "project", "arn", "account", "region", "created_by", "mlflow_run_id"), "string"),
    **dict.fromkeys(("state", "failure_reason", "approval", "created_at", "started_at", "ended_at"), "string"),
    "seconds": "double",
    **dict.fromkeys(("code_commit", "code_remote", "code_diff", "code_archive"), "string"),
    "code_dirty": "boolean",
    **dict.fromkeys(("image_uri", "image_digest", "python", "instance_type"), "string"),
    "instance_count": "bigint",
    "algorithm": "string",
    "usd": "double",
    "metrics": "map<string,double>",
    **dict.fromkeys(("params", "seeds", "tags", "notes", "parents"), "map<string,string>"),
    **dict.fromkeys(("data_versions", "data_uris", "output_versions", "output_uris"), "map<string,string>"),
}
"""The columns of a row with their types in Athena. What a run has not is not in its row; moments are ISO 8601 in UTC."""

WHOLE = "whole-"
DELETED = 2**53 - 1
"""The revision of a forgotten run: the largest whole number that every reader of JSON keeps exact."""
LONGEST_TEXT = 500
"""Characters that a row keeps of a failure reason or a note; the record has all of them."""
LATENESS = timedelta(hours=1)
"""A file appears less than this after the time in its name: a function runs for 15 minutes at most (AWS Lambda quotas)."""


def row_of(document: "Document") -> Row:
    """The row of a record, which is given as plain JSON."""
    identity, status, algorithm = (_part(document, name) for name in ("identity", "status", "algorithm"))
    environment, code, cost = (_part(document, name) for name in ("environment", "code", "cost"))
    image, machines = _part(environment, "image"), _part(environment, "machines")
    row = {
        "run_id": document["run_id"],
        "record": digest(canonical(document)),
        "revision": len(document["observations"]),
        **{name: identity.get(name) for name in ("kind", "name", "project", "arn", "account", "region", "created_by")},
        "mlflow_run_id": identity.get("mlflow_run_id"),
        "state": status["state"],
        "failure_reason": (status.get("failure_reason") or "")[:LONGEST_TEXT],
        "approval": status.get("approval"),
        "created_at": _moment(identity.get("created_at") or status.get("started_at")),
        "started_at": _moment(status.get("started_at")),
        "ended_at": _moment(status.get("ended_at")),
        "seconds": _seconds(status),
        **{f"code_{name}": code.get(name) for name in ("commit", "remote", "diff", "dirty")},
        "code_archive": code.get("archive_sha256"),
        "image_uri": image.get("uri"),
        "image_digest": image.get("digest"),
        "python": environment.get("python"),
        "instance_type": machines.get("instance_type"),
        "instance_count": machines.get("instance_count"),
        "algorithm": algorithm.get("name"),
        "usd": cost.get("usd"),
        "metrics": {name: metric["value"] for name, metric in _part(document, "metrics").items()},
        "params": algorithm.get("hyperparameters"),
        "seeds": algorithm.get("seeds"),
        "tags": document.get("tags"),
        "notes": _notes(_part(document, "notes")),
        "parents": {run_id: parent["relation"] for run_id, parent in _part(document, "parents").items()},
        **_data("data", _part(document, "inputs")),
        **_data("output", _part(document, "outputs")),
    }
    return {name: value for name, value in row.items() if value is not None and value not in ("", {})}


def order(row: Mapping[str, Any]) -> tuple[int, str]:
    """Where a row stands among those of its run: the highest counts."""
    return row["revision"], row.get("record", "")


def keep_rows(store: "RecordStore", runs: Sequence["StoredRun"], *, now: datetime | None = None) -> str | None:
    """Write one file with the rows of the runs, and answer its key; None if none of them has a record yet.

    Call it after each batch with every run that the batch touched, also with those that `observe` found unchanged: the function may have
    ended between writing the record and the row. The same runs in the same second make the same file.
    """
    rows = [row_of(run.record) for run in runs if run.record is not None]
    return _put(store, rows, now or datetime.now(tz=UTC))


def forget_rows(store: "RecordStore", run_ids: Iterable[str], *, now: datetime | None = None) -> str | None:
    """Tell all who follow the rows that these runs are deleted; `compaction.compact` takes them out of older files."""
    rows = [{"run_id": run_id, "revision": DELETED, "deleted": True} for run_id in run_ids]
    return _put(store, rows, now or datetime.now(tz=UTC))


def row_files(store: "RecordStore", *, prefix: str = PREFIX, after: str = "") -> Iterator[str]:
    """Keys of the files, or of those after a key, in order: by day and time, and those of the whole day last."""
    pages = store.s3.get_paginator("list_objects_v2").paginate(Bucket=store.bucket, Prefix=prefix, StartAfter=after)
    for page in pages:
        yield from (item["Key"] for item in page.get("Contents", ()))


def is_whole(key: str) -> bool:
    """Whether a file has the rows of a whole day."""
    return key.rpartition("/")[2].startswith(WHOLE)


def moment_of(key: str) -> datetime:
    """When a file was named; the first moment of its day for that of a whole day."""
    day, _, name = key.removeprefix(f"{PREFIX}date=").partition("/")
    time = "000000" if is_whole(key) else name[:6]
    return datetime.strptime(f"{day} {time}", "%Y-%m-%d %H%M%S").replace(tzinfo=UTC)


def key_before(moment: datetime) -> str:
    """A key before those of all files that may appear after a file with this moment in its name was listed."""
    return f"{PREFIX}{moment.astimezone(UTC) - LATENESS:date=%Y-%m-%d/%H%M%S}"


def day_prefix(day: date) -> str:
    """Where the files of a day are, which is a partition of the table."""
    return f"{PREFIX}date={day:%Y-%m-%d}/"


def packed(lines: Sequence[bytes]) -> tuple[str, bytes]:
    """A name for rows that are JSON lines, by their content, and the file that holds them."""
    content = b"".join(line + b"\n" for line in lines)
    return digest(content).removeprefix("sha256:")[:32], gzip.compress(content, compresslevel=6, mtime=0)


def unpacked(content: bytes) -> Iterator[Row]:
    """The rows of a file."""
    return (json.loads(line) for line in gzip.decompress(content).splitlines())


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return document.get(name) or {}


def _put(store: "RecordStore", rows: Sequence[Row], moment: datetime) -> str | None:
    if not rows:
        return None
    name, content = packed([canonical(row) for row in sorted(rows, key=lambda row: (row["run_id"], order(row)))])
    moment = moment.astimezone(UTC)
    key = f"{day_prefix(moment.date())}{moment:%H%M%S}-{name}.jsonl.gz"
    store.s3.put_object(Bucket=store.bucket, Key=key, Body=content, ContentType="application/gzip")
    return key


def _moment(text: str | None) -> str | None:
    """In UTC and of one length, so that texts stand in the order of time."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds")


def _seconds(status: Mapping[str, Any]) -> float | None:
    started, ended = status.get("started_at"), status.get("ended_at")
    if started is None or ended is None:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def _notes(notes: Mapping[str, Any]) -> dict[str, str]:
    """By kind, the newest first."""
    texts: dict[str, list[str]] = {}
    for note in sorted(notes.values(), key=lambda note: str(note["at"]), reverse=True):
        texts.setdefault(note["kind"], []).append(note["text"])
    return {kind: "\n".join(found)[:LONGEST_TEXT] for kind, found in texts.items()}


def _data(role: str, found: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {
        f"{role}_versions": {name: data["version"] for name, data in found.items() if data.get("version")},
        f"{role}_uris": {name: data["uri"] for name, data in found.items()},
    }
