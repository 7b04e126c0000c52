"""What a run used is pinned, on a real S3 and ECR emulator."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import urllib3

import mllocal
from mllocal.images import image_for
from mlrecords.canonical import digest
from mlrecords.codec import from_json, to_json
from mlrecords.observations import fold, merged, record_of
from mlrecords.pins import Clients, pinned
from mlrecords.pins.images import at_digest
from mlrecords.record import (
    Algorithm,
    Code,
    Data,
    DataListing,
    Environment,
    Identity,
    Image,
    Machines,
    Pinned,
    RunRecord,
    Status,
)
from mlrecords.store import RecordStore
from tests.local.workbench import IMAGE, Workbench

SECOND = timedelta(seconds=1)
RUN = "0" * 32


@pytest.fixture
def clients(engine: mllocal.Engine, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """As the capture function makes them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", engine.endpoint_url)
    session = boto3.Session(engine.account, "secret", region_name=engine.region)
    return Clients.of(session, usd_per_hour={"ml.m5.large": 0.115})


@pytest.fixture
def store(workbench: Workbench) -> RecordStore:
    return RecordStore(workbench.engine.client("s3"), workbench.bucket)


@pytest.fixture
def versioned(workbench: Workbench) -> Workbench:
    """A bucket with versions."""
    workbench.engine.client("s3").put_bucket_versioning(
        Bucket=workbench.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return workbench


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


def test_an_image_is_pinned_by_its_digest_with_what_is_installed(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    environment = with_pins(a_run(environment=Environment(image=Image(uri=IMAGE))), store, clients).environment

    assert environment.image is not None
    assert environment.packages["scikit-learn"] == "1.9.0"
    assert environment.python is not None
    by_digest = at_digest(IMAGE, environment.image.digest)
    assert image_for(by_digest).name == "scikit_learn_1_9_0"
    described = workbench.engine.client("ecr").describe_images(
        registryId="683313688378",
        repositoryName="sagemaker-scikit-learn",
        imageIds=[{"imageTag": "1.9-0-cpu-py3"}],
    )
    assert described["imageDetails"][0]["imageDigest"] == environment.image.digest


def test_a_digest_that_was_pinned_stays_though_its_tag_moves(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    known = Image(uri=IMAGE, digest=f"sha256:{'0' * 64}")

    assert with_pins(a_run(environment=Environment(image=known)), store, clients).environment.image == known


def test_a_probe_tells_what_a_label_does_not(workbench: Workbench, store: RecordStore, clients: Clients) -> None:
    image = f"sha256:{'1' * 64}"
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/mine@{image}"
    store.keep_environment(image, {"python": "3.10.1", "packages": {"numpy": "1.26.0"}})

    environment = with_pins(a_run(environment=Environment(image=Image(uri=uri))), store, clients).environment

    assert environment.image == Image(uri=uri, digest=image)
    assert (environment.python, environment.packages) == ("3.10.1", {"numpy": "1.26.0"})


def test_the_archive_of_code_is_pinned_with_its_requirements_and_where_it_came_from(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    name = "ab" * 32
    uri = workbench.put_archive(
        f"assets/{name}.gz",
        {"requirements.txt": "--index-url https://me:hunter2@host/\npandas==3.0\n", "train.py": "pass"},
    )
    workbench.put(f"assets/{name}.gz.sig", "a neighbour")
    workbench.put(
        f"assets/provenance/{name}.json",
        '{"schema_version":"1.0","commit":"c0ffee","remote":null,"directory":"jobs","dirty":true,"left_out":[],"patch":"cGF0Y2g="}',
    )

    found = with_pins(a_run(code=Code(archive_uri=uri)), store, clients)

    assert found.code.archive_sha256 is not None
    assert (found.code.commit, found.code.directory, found.code.dirty) == ("c0ffee", "jobs", True)
    assert store.blob(found.code.diff or "") == b"patch"
    assert (found.environment.requirements or "").endswith("pandas==3.0\n")
    assert "hunter2" not in (found.environment.requirements or "")


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
