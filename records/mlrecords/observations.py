"""Observations, and the record that they make together. Pure.

A run is seen many times: events of its state, what was pinned when it started, what it logged to MLflow, notes of people. Each is an
observation: a part of a record with an order. The record is the fold of all of them, sorted: whatever comes twice, late or out of
order makes the same record. Of two statements the later one counts; of two pins the earlier one, since tags and "latest" move.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlrecords.canonical import canonical, digest
from mlrecords.codec import from_json, to_json
from mlrecords.record import SCHEMA_VERSION, RunRecord

Document = dict[str, Any]


def run_id_of(arn: str) -> str:
    """The run of a SageMaker resource, or of anything else with a name that is never used again."""
    return hashlib.sha256(arn.encode()).hexdigest()[:32]


def order_of(milliseconds: int, *, decided: bool = False) -> str:
    """Where an observation stands among those of its run. Within one millisecond, what is decided comes after what is open."""
    return f"{milliseconds:015d}.{int(decided)}"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A part of the record of one run.

    Attributes:
        source: who saw it: `event`, `reconciliation`, `pin`, `mlflow`, `track`, `note`, `reproduce`. Not part of the digest: the same
            fact from two sources is one observation.
        facts: part of a `RunRecord` as plain JSON, without `schema_version`, `run_id` and `observations`.
        is_pin: whether earlier observations count more, not later ones.
    """

    run_id: str
    source: str
    order: str
    facts: Mapping[str, Any]
    is_pin: bool = False

    @cached_property
    def digest(self) -> str:
        """The same facts of the same moment have the same digest."""
        return digest(canonical([self.run_id, self.order, self.is_pin, self.facts]))


def fold(run_id: str, observations: Iterable[Observation]) -> Document | None:
    """The record, as plain JSON; None while nobody said what it is (its `identity` and `status`)."""
    distinct = {one.digest: one for one in observations}
    ordered = sorted(distinct.values(), key=lambda one: (one.order, one.digest))
    pins = [one for one in reversed(ordered) if one.is_pin]
    facts: Document = {}
    for one in (*(one for one in ordered if not one.is_pin), *pins):
        facts = merged(facts, one.facts)
    if not {"identity", "status"} <= set(facts):
        return None
    return {**facts, "schema_version": SCHEMA_VERSION, "run_id": run_id, "observations": sorted(distinct)}


def merged(older: Mapping[str, Any], newer: Mapping[str, Any]) -> Document:
    """Both, and what `newer` says where both say something. None says nothing."""
    said = {key: value for key, value in newer.items() if value is not None}
    both = {
        key: merged(older[key], value)
        for key, value in said.items()
        if isinstance(value, Mapping) and isinstance(older.get(key), Mapping)
    }
    return {**older, **said, **both}


def record_of(document: Mapping[str, Any]) -> RunRecord:
    """A record from plain JSON. Raises `codec.InvalidDocumentError` with every problem."""
    return from_json(RunRecord, document, f"run record {document.get('run_id')}")


def facts_of(part: Mapping[str, Any]) -> Document:
    """Parts of a record by field name, as dataclasses of `record`, as the plain JSON of an observation, without what is empty."""
    return {name: _without_nothing(to_json(value)) for name, value in part.items() if value is not None}


def _without_nothing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_nothing(item) for key, item in value.items() if item is not None and item not in ({}, [])}
