"""What cannot be reached is not pinned, and what is throttled is asked for again."""

from __future__ import annotations

import urllib3

from mlrecords.pins import Clients
from mlrecords.record import Code, Data, Environment, Image
from mlrecords.store import RecordStore
from tests.local.pins.pinning import a_run, with_pins
from tests.local.workbench import IMAGE, Workbench


def test_what_is_out_of_reach_is_left_out(versioned: Workbench, store: RecordStore, clients: Clients) -> None:
    versioned.put("data/a", "1")
    record = a_run(
        inputs={
            "gone": Data(uri="s3://no-such-bucket-anywhere/data/"),
            "file": Data(uri="file:data.csv"),
            "data": Data(uri=versioned.uri("data/")),
        },
        environment=Environment(image=Image(uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/nobody/knows:1")),
        code=Code(archive_uri=versioned.uri("no/such/archive.tar.gz")),
    )

    found = with_pins(record, store, clients)

    assert [name for name, data in found.inputs.items() if data.version] == ["data"]
    assert found.environment.image == record.environment.image
    assert found.code.archive_sha256 is None


def test_throttled_calls_are_tried_again(versioned: Workbench, store: RecordStore, clients: Clients) -> None:
    versioned.put("data/a", "1")
    operations = ("s3:ListBucketVersions", "s3:GetObjectVersion", "ecr:BatchGetImage")
    versioned.engine.put_faults(throttle=[{"operation": operation, "next": 2} for operation in operations])
    try:
        found = with_pins(
            a_run(inputs={"data": Data(uri=versioned.uri("data/"))}, environment=Environment(image=Image(uri=IMAGE))),
            store,
            clients,
        )
        left = urllib3.request("GET", f"{versioned.engine.endpoint_url}/_mlp/faults").json()
    finally:
        versioned.engine.put_faults()

    assert [throttle["next"] for throttle in left["throttle"]] == [0, 0, 0]
    assert found.inputs["data"].version is not None
    assert found.environment.image is not None
    assert found.environment.image.digest is not None
