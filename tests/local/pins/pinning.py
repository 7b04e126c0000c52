"""A run, and what is pinned of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mlrecords.codec import from_json, to_json
from mlrecords.observations import merged, record_of
from mlrecords.pins import Clients, pinned
from mlrecords.record import Data, DataListing, Identity, RunRecord, Status
from mlrecords.store import RecordStore

RUN = "0" * 32


def a_run(state: str = "InProgress", *, started_at: datetime | None = None, **parts: Any) -> RunRecord:
    return RunRecord(
        schema_version="1.0",
        run_id=RUN,
        observations=(),
        identity=Identity(kind="training-job", name="run"),
        status=Status(state=state, started_at=started_at or now()),
        **parts,
    )


def now() -> datetime:
    return datetime.now(UTC)


def with_pins(record: RunRecord, store: RecordStore, clients: Clients) -> RunRecord:
    """The record with what is pinned of it."""
    found = pinned(record, store=store, clients=clients, now=now())
    return record if found is None else record_of(merged(to_json(record), found.facts))


def listing_of(data: Data, store: RecordStore) -> DataListing:
    assert data.listing is not None
    return from_json(DataListing, json.loads(store.blob(data.listing)), "the listing")
