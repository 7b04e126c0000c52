"""What is still to pin of a run, in the state that it is in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mlrecords import provenance
from mlrecords.canonical import canonical
from mlrecords.codec import to_json
from mlrecords.data import version_of
from mlrecords.masking import masked_text
from mlrecords.observations import Observation, facts_of, order_of
from mlrecords.packages import Installed, installed_of
from mlrecords.pins.clients import Clients, unless_out_of_reach
from mlrecords.pins.code import find_archive
from mlrecords.pins.costs import cost_of
from mlrecords.pins.images import FoundImage, at_digest, find_image, installed_in
from mlrecords.pins.objects import NotKnownError, Place, listing_of, read_at, with_content, written_between
from mlrecords.pins.tables import table_of
from mlrecords.record import Algorithm, Data, DataObject, Image, Pinned, RunRecord
from mlrecords.seeds import seeds_of
from mlrecords.states import LATE, is_over
from mlrecords.store import RecordStore

SOURCE = "pin"


def pinned(record: RunRecord, *, store: RecordStore, clients: Clients, now: datetime) -> Observation | None:
    """An observation of what the run used that its record does not say yet; None when there is nothing to pin.

    While the run goes on: versions of its inputs as they were when it started, the digest of its image, what is installed in
    it, its code, its seeds. Once it is over: what it wrote, and what it cost. A run that was first seen when it was over gets
    all of it then, and `pinned.state` says so. Call it after each change of a run: what could not be had is asked for again
    until 15 minutes after the run's end; what was had is not.

    Raises what boto3 raises when AWS does not answer, or throttles for longer than the clients try.
    """
    run = _Run(record, store, clients, now)
    over, ended = is_over(record.status.state), record.status.ended_at
    is_in_time = not over or (ended is not None and now <= ended + LATE)
    found = {
        **(run.at_start() if record.pinned is None or is_in_time else {}),
        **(run.at_end() if over else {}),
    }
    facts = {name: value for name, value in found.items() if value not in ({}, None)}
    if not facts:
        return None
    if record.pinned is None:
        facts |= facts_of({"pinned": Pinned(at=now, state=record.status.state)})
    order = order_of(int(now.timestamp() * 1000))
    return Observation(run_id=record.run_id, source=SOURCE, order=order, facts=facts, is_pin=True)


@dataclass(frozen=True)
class _Run:
    record: RunRecord
    store: RecordStore
    clients: Clients
    now: datetime

    @property
    def _started(self) -> datetime:
        return self.record.status.started_at or self.record.identity.created_at or self.now

    def at_start(self) -> dict[str, Any]:
        inputs = {
            name: self._data(data, self._read) for name, data in self.record.inputs.items() if data.version is None
        }
        seeds = {
            name: seed
            for name, seed in seeds_of(self.record.algorithm.hyperparameters).items()
            if name not in self.record.algorithm.seeds
        }
        code, requirements = self._code()
        return {
            **facts_of({"inputs": {name: data for name, data in inputs.items() if data}}),
            **facts_of({"algorithm": Algorithm(seeds=seeds)}),
            "code": code,
            "environment": {**self._environment(), **requirements},
        }

    def at_end(self) -> dict[str, Any]:
        outputs = {
            name: self._data(data, self._written) for name, data in self.record.outputs.items() if data.version is None
        }
        is_known = self.record.cost is not None and self.record.cost.basis is not None
        cost = None if is_known else cost_of(self.record, self.clients.usd_per_hour)
        return facts_of({"outputs": {name: data for name, data in outputs.items() if data}, "cost": cost})

    def _read(self, place: Place) -> tuple[DataObject, ...]:
        return read_at(self.clients.s3, place, self._started)

    def _written(self, place: Place) -> tuple[DataObject, ...]:
        end = self.record.status.ended_at or self.now
        return written_between(self.clients.s3, place, self.record.status.started_at, end)

    def _data(self, data: Data, list_objects: Callable[[Place], tuple[DataObject, ...]]) -> Data | None:
        """The data with its version; None if that cannot be known."""
        place = Place.of(data.uri)
        if place is None:
            return None
        try:
            listed = unless_out_of_reach(lambda: list_objects(place))
        except NotKnownError:
            return None
        if listed is None:
            return None
        objects = with_content(self.clients.s3, place, listed)
        table = table_of(self.clients.s3, place, objects) if data.role == "data" else None
        listing = listing_of(place, objects)
        return replace(
            data,
            version=version_of(listing.objects),
            listing=self.store.keep(canonical(to_json(listing))),
            object_count=len(objects),
            size_bytes=sum(one.size_bytes for one in objects),
            rows=table.rows if table else data.rows,
            columns=table.columns if table else data.columns,
        )

    def _code(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Facts of the code, and those of the environment that are in its archive."""
        uri = self.record.code.archive_uri
        if uri is None or self.record.code.archive_sha256 is not None:
            return {}, {}
        archive = find_archive(self.clients.s3, uri, self._started)
        if archive is None:
            return {}, {}
        requirements = archive.requirements
        return (
            {**self._provenance(archive.uri), "archive_uri": archive.uri, "archive_sha256": archive.sha256},
            {} if requirements is None else {"requirements": masked_text(requirements)},
        )

    def _provenance(self, archive_uri: str) -> Mapping[str, Any]:
        return unless_out_of_reach(lambda: provenance.facts(self.clients.s3, self.store, archive_uri)) or {}

    def _environment(self) -> Mapping[str, Any]:
        """Facts of the image and of what is installed in it. A digest that is known is not asked for again: tags move."""
        known = self.record.environment
        if known.image is None or (known.image.digest and known.packages):
            return {}
        uri = at_digest(known.image.uri, known.image.digest)
        found = find_image(self.clients, uri)
        if found is None:
            return {}
        installed = None if known.packages else self._installed(uri, found)
        return facts_of(
            {
                "image": None if known.image.digest else Image(uri=known.image.uri, digest=found.digest),
                "python": installed and installed.python,
                "packages": installed and installed.packages,
            }
        )

    def _installed(self, uri: str, image: FoundImage) -> Installed | None:
        """By the image's label, or else by a probe of it that somebody once made."""
        probed = self.store.environment(image.digest)
        return installed_in(self.clients, uri, image) or (None if probed is None else installed_of(probed))
