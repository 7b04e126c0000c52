"""When a run is pinned: at its start, at its end, and once."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from mlrecords.observations import fold
from mlrecords.pins import Clients, pinned
from mlrecords.record import Algorithm, Code, Data, Environment, Image, Machines, Pinned
from mlrecords.store import RecordStore
from tests.local.pins.pinning import RUN, a_run, listing_of, now, with_pins
from tests.local.workbench import IMAGE, Workbench

SECOND = timedelta(seconds=1)


def test_outputs_and_cost_are_pinned_when_the_run_is_over(
    versioned: Workbench, store: RecordStore, clients: Clients
) -> None:
    versioned.put("out/model.tar.gz", "of the run before")
    time.sleep(1.1)
    started = now().replace(microsecond=0)
    versioned.put("out/new", "1")
    versioned.put("out2/other", "of another output")
    ended = started + 62 * SECOND
    record = a_run(
        started_at=started,
        environment=Environment(machines=Machines(instance_type="ml.m5.large", instance_count=2)),
        outputs={"model": Data(uri=versioned.uri("out"), role="model")},
    )

    assert pinned(record, store=store, clients=clients, now=now()) is None
    over = replace(record, status=replace(record.status, state="Completed", ended_at=ended))
    found = with_pins(over, store, clients)

    listing = listing_of(found.outputs["model"], store)
    assert (listing.uri, [one.key for one in listing.objects]) == (versioned.uri("out/"), ["new"])
    assert found.cost is not None
    assert found.cost.usd == pytest.approx(2 * 0.115 * 62 / 3600, abs=1e-6)
    assert found.cost.basis == "2 x ml.m5.large x 62 s"


def test_what_moves_is_not_pinned_long_after_the_run(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    ended = now() - timedelta(hours=1)
    record = a_run(started_at=ended, environment=Environment(image=Image(uri=IMAGE)))
    over = replace(record, status=replace(record.status, state="Completed", ended_at=ended))
    seen = replace(over, pinned=Pinned(at=ended, state="InProgress"))

    assert with_pins(over, store, clients).environment.image != record.environment.image
    assert pinned(seen, store=store, clients=clients, now=now()) is None
    assert pinned(seen, store=store, clients=clients, now=ended + timedelta(minutes=5)) is not None


def test_a_cost_without_a_price_is_said_once(workbench: Workbench, store: RecordStore, clients: Clients) -> None:
    record = a_run(environment=Environment(machines=Machines(instance_type="ml.z9.huge", instance_count=1)))
    over = replace(record, status=replace(record.status, state="Failed", ended_at=now()))

    once = with_pins(over, store, clients)

    assert once.cost is not None
    assert (once.cost.usd, once.cost.basis) == (None, "1 x ml.z9.huge x 0 s")
    assert pinned(once, store=store, clients=clients, now=now()) is None


def test_what_is_pinned_is_not_pinned_again(versioned: Workbench, store: RecordStore, clients: Clients) -> None:
    versioned.put("data/a.csv", "1\n")
    record = a_run(
        inputs={"data": Data(uri=versioned.uri("data/"))},
        environment=Environment(image=Image(uri=IMAGE)),
        algorithm=Algorithm(hyperparameters={"random_state": "7", "depth": "3"}),
        code=Code(archive_uri=versioned.put_archive("code.tar.gz", {"train.py": "pass"})),
    )

    once = with_pins(record, store, clients)

    assert once.algorithm.seeds == {"random_state": "7"}
    assert pinned(once, store=store, clients=clients, now=now()) is None


def test_of_two_pins_the_earlier_one_counts(versioned: Workbench, store: RecordStore, clients: Clients) -> None:
    versioned.put("data/a", "1")
    record = a_run(inputs={"data": Data(uri=versioned.uri("data/"))})
    first = pinned(record, store=store, clients=clients, now=now())
    versioned.put("data/a", "2")
    second = pinned(record, store=store, clients=clients, now=now() + SECOND)
    assert first is not None
    assert second is not None
    assert first.facts["inputs"] != second.facts["inputs"]

    known = {"identity": {"kind": "training-job", "name": "run"}, "status": {"state": "InProgress"}}
    document = fold(RUN, [second, first, replace(first, facts=known, is_pin=False)])

    assert document is not None
    assert document["inputs"] == first.facts["inputs"]
