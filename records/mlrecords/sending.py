"""Observations on their way to the capture function, as events. Pure but for what takes a client of EventBridge.

What is seen here and now goes as `ML Platform Run Observation`, in parts if it is large, and the capture adds what it can look up.
Runs that another store has recorded go as `ML Platform Run Import`: their observations as they are, in as few events as they fit into,
packed, and the capture asks nothing about them, since this account knows nothing of them. So they make the same record.
"""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlrecords.canonical import canonical
from mlrecords.codec import from_json, to_json
from mlrecords.observations import Observation

SOURCE, DETAIL_TYPE = "mlplatform", "ML Platform Run Observation"
MOST_BYTES = 200_000
"""Of the facts of one event. EventBridge takes 256 KB for an entry (user guide, "Amazon EventBridge quotas")."""


IMPORT = "ML Platform Run Import"
MOST_UNPACKED_BYTES = 16 * 1024 * 1024
"""Of the observations of one event of an import: what the capture function has the memory for."""


class TooLargeError(Exception):
    """A single text of an observation, or an observation of an import, is larger than an event may be."""


class RefusedError(Exception):
    """EventBridge did not take an observation; the message has its words."""


def parts_of(observation: Observation, most_bytes: int = MOST_BYTES) -> Iterator[Observation]:
    """The observation in parts that fit into an event each; the fold puts them together again. Raises `TooLargeError`."""
    for facts in _parts(observation.facts, most_bytes, observation.run_id):
        yield replace(observation, facts=facts)


def send(events: Any, observation: Observation) -> None:
    """Send an observation to the account's default bus. Raises `RefusedError`, and what boto3 raises."""
    for part in parts_of(observation):
        _put(events, DETAIL_TYPE, observation.run_id, to_json(part))


def imports_of(observations: Sequence[Observation]) -> list[Mapping[str, str]]:
    """The events' details that carry all observations of one run as they are. Raises `TooLargeError`."""
    plain = canonical([to_json(one) for one in observations])
    packed = base64.b64encode(gzip.compress(plain, mtime=0)).decode()
    run_id = observations[0].run_id
    if len(packed) <= MOST_BYTES and len(plain) <= MOST_UNPACKED_BYTES:
        return [{"run_id": run_id, "observations": packed}]
    if len(observations) == 1:
        raise TooLargeError(
            f"an observation of run {run_id} has {len(plain)} bytes, packed {len(packed)}: too many for an event"
        )
    half = len(observations) // 2
    return [*imports_of(observations[:half]), *imports_of(observations[half:])]


def send_import(events: Any, detail: Mapping[str, str]) -> None:
    """Send a detail of `imports_of`. Raises `RefusedError`, and what boto3 raises."""
    _put(events, IMPORT, detail["run_id"], detail)


def imported(detail: Mapping[str, Any]) -> list[Observation]:
    """The observations in an event of an import. Raises `codec.InvalidDocumentError`, and `ValueError` or `zlib.error` if not packed so."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    plain = unpacking.decompress(base64.b64decode(detail["observations"]), MOST_UNPACKED_BYTES)
    if not unpacking.eof:
        raise ValueError(
            f"the import of run {detail['run_id']} has more than {MOST_UNPACKED_BYTES} bytes, or not all of them"
        )
    found = [from_json(Observation, one, "an imported observation") for one in json.loads(plain)]
    if {one.run_id for one in found} != {detail["run_id"]}:
        raise ValueError(f"the import of run {detail['run_id']} has observations of other runs")
    return found


def _put(events: Any, detail_type: str, run_id: str, detail: Any) -> None:
    answer = events.put_events(Entries=[{"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}])
    if answer["FailedEntryCount"]:
        (refused,) = answer["Entries"]
        raise RefusedError(f"EventBridge refused an observation of run {run_id}: {refused.get('ErrorMessage')}")


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
