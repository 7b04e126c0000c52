"""Observations on their way to the capture function, as events. Pure but for `send`, which takes a client of EventBridge."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlrecords.canonical import canonical
from mlrecords.codec import to_json
from mlrecords.observations import Observation

SOURCE, DETAIL_TYPE = "mlplatform", "ML Platform Run Observation"
MOST_BYTES = 200_000
"""Of the facts of one event. EventBridge takes 256 KB for an entry (user guide, "Amazon EventBridge quotas")."""


class TooLargeError(Exception):
    """A single text of an observation is larger than an event may be."""


class RefusedError(Exception):
    """EventBridge did not take an observation; the message has its words."""


def parts_of(observation: Observation, most_bytes: int = MOST_BYTES) -> Iterator[Observation]:
    """The observation in parts that fit into an event each; the fold puts them together again. Raises `TooLargeError`."""
    for facts in _parts(observation.facts, most_bytes, observation.run_id):
        yield replace(observation, facts=facts)


def send(events: Any, observation: Observation) -> None:
    """Send an observation to the account's default bus. Raises `RefusedError`, and what boto3 raises."""
    for part in parts_of(observation):
        entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(to_json(part))}
        answer = events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            (refused,) = answer["Entries"]
            raise RefusedError(
                f"EventBridge refused an observation of run {observation.run_id}: {refused.get('ErrorMessage')}"
            )


def _parts(facts: Mapping[str, Any], most: int, place: str) -> Iterator[Mapping[str, Any]]:
    size = len(json.dumps(canonical(facts).decode()))
    if size <= most:
        yield facts
        return
    if len(facts) > 1:
        names = sorted(facts)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            yield from _parts({name: facts[name] for name in half}, most, place)
        return
    ((name, value),) = facts.items()
    if not isinstance(value, Mapping):
        raise TooLargeError(f"{place}.{name} has {size} bytes, and an event takes {most}; keep it in a file")
    for part in _parts(value, most, f"{place}.{name}"):
        yield {name: part}
