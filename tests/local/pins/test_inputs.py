"""What a run read is pinned as it was when the run started, on a real S3 emulator."""

from __future__ import annotations

import time

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlrecords.canonical import digest
from mlrecords.pins import Clients
from mlrecords.record import Data
from mlrecords.store import RecordStore
from tests.local.pins.pinning import a_run, listing_of, now, with_pins
from tests.local.workbench import Workbench


def test_inputs_are_pinned_as_they_were_when_the_run_started(
    versioned: Workbench, store: RecordStore, clients: Clients
) -> None:
    versioned.put("data/a.csv", "x,y\n1,2.5\n3,4\n")
    versioned.put("data/b.csv", "x,y\n5,6\n")
    started = now()
    time.sleep(1.1)
    versioned.put("data/a.csv", "x,y\n9,9\n")
    versioned.put("data/late.csv", "x,y\n9,9\n")
    versioned.engine.client("s3").delete_object(Bucket=versioned.bucket, Key="data/b.csv")

    record = with_pins(a_run(started_at=started, inputs={"train": Data(uri=versioned.uri("data/"))}), store, clients)

    train = record.inputs["train"]
    listing = listing_of(train, store)
    assert [one.key for one in listing.objects] == ["a.csv", "b.csv"]
    assert all(one.version_id and one.sha256 for one in listing.objects)
    assert (train.object_count, train.size_bytes, train.rows) == (2, 22, 3)
    assert train.columns == {"x": "int64", "y": "double"}
    assert record.pinned is not None
    assert record.pinned.state == "InProgress"


def test_the_same_content_is_the_same_version_wherever_it_is(
    versioned: Workbench, store: RecordStore, clients: Clients
) -> None:
    for folder in ("one", "again"):
        versioned.put(f"{folder}/a.csv", "1,2\n")
        versioned.put(f"{folder}/", "")
    versioned.put("one/a.csv", "1,2\n")
    versioned.put("changed/a.csv", "1,3\n")
    inputs = {name: Data(uri=versioned.uri(f"{name}/")) for name in ("one", "again", "changed")}

    found = with_pins(a_run(inputs=inputs), store, clients).inputs

    assert found["one"].version == found["again"].version != found["changed"].version


def test_a_listing_names_the_folder_around_a_prefix(versioned: Workbench, store: RecordStore, clients: Clients) -> None:
    for key in ("folder/a.csv", "folder/ab.csv"):
        versioned.put(key, "1\n")
    places = {"slash": "folder/", "none": "folder", "part": "folder/a", "object": "folder/ab.csv"}
    inputs = {name: Data(uri=versioned.uri(key)) for name, key in places.items()}

    found = with_pins(a_run(inputs=inputs), store, clients).inputs

    listings = {name: listing_of(data, store) for name, data in found.items()}
    assert {name: one.uri for name, one in listings.items()} == {
        **dict.fromkeys(("slash", "none", "part"), versioned.uri("folder/")),
        "object": versioned.uri("folder/ab.csv"),
    }
    assert [one.key for one in listings["object"].objects] == [""]
    assert found["slash"].version == found["none"].version == found["part"].version


def test_large_data_is_told_by_the_checksums_that_s3_keeps(
    versioned: Workbench, store: RecordStore, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrecords.pins.objects.MOST_READ_OBJECTS", 1)
    s3 = boto3.Session(versioned.engine.account, "secret", region_name="us-east-1").client("s3")
    for folder in ("one", "again"):
        s3.put_object(Bucket=versioned.bucket, Key=f"{folder}/a", Body=b"a", ChecksumAlgorithm="CRC32")
        s3.put_object(Bucket=versioned.bucket, Key=f"{folder}/b", Body=b"b", ChecksumAlgorithm="SHA256")
    inputs = {name: Data(uri=versioned.uri(f"{name}/")) for name in ("one", "again")}

    found = with_pins(a_run(inputs=inputs), store, clients).inputs

    first, second = listing_of(found["one"], store).objects
    assert (first.checksum or "").startswith("crc32:")
    assert second.sha256 == "sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
    assert found["one"].version == found["again"].version


def test_parquet_is_counted_by_its_footers(versioned: Workbench, store: RecordStore, clients: Clients) -> None:
    for part in range(3):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"key": ["a", "b"], "value": [1.5, None]}), sink)
        versioned.put(f"table/part-{part}.parquet", sink.getvalue().to_pybytes())

    table = with_pins(a_run(inputs={"table": Data(uri=versioned.uri("table/"))}), store, clients).inputs["table"]

    assert (table.rows, table.columns) == (6, {"key": "string", "value": "double"})


def test_what_was_overwritten_in_a_bucket_without_versions_is_not_pinned(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    workbench.put("kept/a.csv", "1\n")
    workbench.put("lost/a.csv", "1\n")
    started = now()
    time.sleep(1.1)
    workbench.put("lost/a.csv", "2\n")
    inputs = {name: Data(uri=workbench.uri(f"{name}/")) for name in ("kept", "lost")}

    found = with_pins(a_run(started_at=started, inputs=inputs), store, clients).inputs

    assert found["kept"].version is not None
    assert found["lost"].version is None


def test_what_was_there_before_the_bucket_had_versions_is_read_by_its_id(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    workbench.put("data/a.csv", "old\n")
    started = now()
    time.sleep(1.1)
    workbench.engine.client("s3").put_bucket_versioning(
        Bucket=workbench.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    workbench.put("data/a.csv", "new\n")
    inputs = {"data": Data(uri=workbench.uri("data/"))}

    found = with_pins(a_run(started_at=started, inputs=inputs), store, clients).inputs["data"]

    (one,) = listing_of(found, store).objects
    assert one.sha256 == digest(b"old\n")
