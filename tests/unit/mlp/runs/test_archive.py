"""Runs from one store into another, on real emulators: not a byte of a record is lost, and nothing half is taken in."""

from __future__ import annotations

import json
import os
import random
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlp.errors import CliError
from mlp.main import app
from mlp.runs import Runs
from mlp.runs.archive.checking import check
from mlp.runs.archive.exporting import export
from mlp.runs.archive.importing import take_in
from mlrecords.canonical import canonical, digest
from mlrecords.codec import to_json
from mlrecords.observations import Observation, facts_of, order_of, run_id_of
from mlrecords.record import Data, DataListing, DataObject
from mlrecords.store import RecordStore
from tests.unit.experiment_store.capturing import make_captured
from tests.unit.mlp.runs import demand
from tests.unit.mlp.runs.account import Account, account
from tests.unit.mlp.runs.importing import Bus, capturing
from tests.unit.mlp.runs.sabotage import METADATA, Contents, add, change, forget_record, lose
from tests.unit.mlrecords import made_up_parts
from tests.unit.servers import client


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("source")) as made:
        demand.everything(made)
        yield made


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("other")) as made:
        yield made


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def exported(source: Account, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Version 2 of the model, with everything that it came from."""
    model = Runs(source.target).lineage("demand/2")
    path = tmp_path_factory.mktemp("exported") / "runs.zip"
    export(source.store, [model.root, *(one.run_id for one in model.ancestors())], path)
    return path.read_bytes()


@pytest.fixture
def archive(exported: bytes, tmp_path: Path) -> Path:
    """It as a file, for this test only."""
    path = tmp_path / "runs.zip"
    path.write_bytes(exported)
    return path


def mlp(world: Account, *words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["runs", *words, "--json", "--endpoint-url", world.endpoint])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_a_model_goes_to_another_account_with_all_that_it_came_from(
    source: Account, other: Account, tmp_path: Path
) -> None:
    path = tmp_path / "demand.zip"
    exported = mlp(source, "export", "demand/2", str(path), "--with-lineage")
    assert exported["missing"] == []
    assert mlp(other, "import", str(path), "--check")["imported"] is False
    with capturing(other):
        done = mlp(other, "import", str(path))
        again = mlp(other, "import", str(path))
    assert [one["run_id"] for one in done["runs"]] == exported["run_ids"]
    assert all(one["is_same"] for one in done["runs"])
    assert again == done
    assert _graph(Runs(other.target)) == _graph(Runs(source.target))
    for run_id in exported["run_ids"]:
        assert other.store.run(run_id) == source.store.run(run_id)
    trained = other.store.record(demand.run_id("training-job", "train-2"))
    assert other.store.blob(str(trained.code.diff)) == demand.DIFF
    assert other.store.environment(demand.IMAGE_DIGEST) == source.store.environment(demand.IMAGE_DIGEST)


def _graph(runs: Runs) -> list[str]:
    ancestors = {record.identity.name for record in runs.lineage("demand/2").ancestors()}
    return sorted(ancestors)


def test_the_same_runs_make_the_same_bytes(source: Account, archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    export(source.store, [run.run_id for run in reversed(check(archive).runs)], again)
    assert again.read_bytes() == archive.read_bytes()


def test_a_file_that_is_there_is_not_replaced_and_an_unknown_run_leaves_none(source: Account, archive: Path) -> None:
    assert "is there already" in mlp(source, "export", "demand/2", str(archive), code=2)["error"]
    new = archive.with_name("new.zip")
    assert "there is no run 'nothing'" in mlp(source, "export", "nothing", str(new), code=3)["error"]
    assert [path.name for path in archive.parent.iterdir() if path.suffix != ""] == [archive.name]


def test_local_files_of_a_script_go_along_and_what_is_gone_is_said(
    source: Account, other: Account, tmp_path: Path
) -> None:
    store, run_id = source.store, run_id_of("script")
    objects = tuple(
        DataObject(key=name, size_bytes=1, sha256=sha256)
        for name, sha256 in (("kept", store.keep(b"x")), ("gone", digest(b"never kept")))
    )
    listing = store.keep(canonical(to_json(DataListing(uri="file:data", objects=objects))))
    report = store.keep(b"a report")
    kept = f"s3://{store.bucket}/blobs/{report[7:9]}/{report[7:]}"
    facts = {
        "identity": {"kind": "script", "name": "study"},
        "status": {"state": "Completed"},
        **facts_of(
            {
                "inputs": {"rows": Data(uri="file:data", listing=listing)},
                "outputs": {"report": Data(uri=kept, version=report)},
            }
        ),
    }
    store.observe([Observation(run_id=run_id, source="track", order=order_of(1), facts=facts)])
    path = tmp_path / "script.zip"
    (missing,) = mlp(source, "export", run_id, str(path))["missing"]
    assert digest(b"never kept") in missing
    take_in(check(path), other.store, Bus(make_captured(other.store)), say=print)
    assert [other.store.blob(name) for name in (digest(b"x"), report)] == [b"x", b"a report"]
    assert other.store.blob(listing) == store.blob(listing)


def test_what_this_store_knew_more_stays(other: Account, archive: Path) -> None:
    bus = Bus(make_captured(other.store))
    run_id = demand.run_id("model-package", "demand/2")
    note = {"notes": {"n": {"kind": "note", "text": "from here", "author": "bo", "at": "2026-11-25T08:00:00+00:00"}}}
    other.store.observe([Observation(run_id=run_id, source="note", order=order_of(10**13), facts=note)])
    done = {one.run_id: one.is_same for one in take_in(check(archive), other.store, bus, say=print)}
    assert not done[run_id]
    assert all(is_same for one, is_same in done.items() if one != run_id)
    assert len(other.store.record(run_id).notes) == 2


def test_an_import_that_is_not_captured_is_a_sentence(other: Account, archive: Path) -> None:
    empty = RecordStore(other.store.s3, "empty")
    other.store.s3.create_bucket(Bucket="empty")
    with pytest.raises(CliError, match="the store does not show run") as raised:
        take_in(check(archive), empty, client("events", other.endpoint), say=print, patience_seconds=0)
    assert "import the same archive again" in raised.value.fix


Case = list[tuple[dict[str, Any], list[tuple[int, bool, dict[str, Any]]]]]
_OBSERVED = st.tuples(st.integers(0, 10**9), st.booleans(), made_up_parts.parts())
_RUNS = st.lists(st.tuples(made_up_parts.beginnings(), st.lists(_OBSERVED, max_size=3)), min_size=1, max_size=3)


# Without shrinking, which on emulators takes longer than anybody waits.
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate))
@given(case=_RUNS)
def test_no_field_of_any_record_is_lost(source: Account, other: Account, tmp_path: Path, case: Case) -> None:
    name = uuid.uuid4()
    stores = []
    for one in (source, other):
        one.store.s3.create_bucket(Bucket=f"{name}")
        stores.append(RecordStore(one.store.s3, f"{name}"))
    here, there = stores
    runs = []
    for number, (beginning, observed) in enumerate(case):
        run_id = run_id_of(f"{name}/{number}")
        seen = [(0, False, beginning), *observed]
        observations = [
            Observation(run_id=run_id, source="event", order=order_of(order), is_pin=is_pin, facts=facts_of(parts))
            for order, is_pin, parts in seen
        ]
        runs.append(here.observe(observations))
    path = tmp_path / f"{name}.zip"
    export(here, [run.run_id for run in runs], path)

    done = take_in(check(path), there, Bus(make_captured(there)), say=lambda line: None)

    assert all(one.is_same for one in done)
    for run in runs:
        assert canonical(there.run(run.run_id).record) == canonical(run.record)
        assert there.run(run.run_id).observations == here.run(run.run_id).observations
        assert _object(there, "runs", run.run_id) == _object(here, "runs", run.run_id)


def _object(store: RecordStore, folder: str, name: str) -> bytes:
    content: bytes = store.s3.get_object(Bucket=store.bucket, Key=f"{folder}/{name}.json")["Body"].read()
    return content


@pytest.mark.parametrize(
    ("sabotage", "cause"),
    [
        (lose("runs"), "is missing"),
        (lose("records"), "is missing"),
        (lose("blobs"), "is missing"),
        (lambda contents: contents.pop(METADATA), "it has no ro-crate-metadata.json"),
        (lambda contents: contents.update({METADATA: b"{}"}), "does not name its files"),
        (lambda contents: contents.update({METADATA: b"{"}), "Expecting property name"),
        (add("runs/more.json"), "is not named in"),
        (add("../../etc/passwd"), "is not named in"),
        (change("blobs", b"diff", b"Diff", tell=False), "has the SHA-256"),
        (change("blobs", b"diff", b"Diff", tell=True), "has the content sha256:"),
        (change("records", b"39.5", b"38.5", tell=True), "has the content sha256:"),
        (change("runs", b"39.5", b"38.5", tell=True), "make the record"),
        (change("runs", b'"training-job"', b'"training"', tell=True), "make the record"),
        (change("runs", b'"value":39.5', b'"value":"low"', tell=True), "it has to be a number"),
        (change("runs", b'"is_pin":true', b'"is_pin":1', tell=True), "it has to be true or false"),
        (change("runs", b'"observations"', b'"seen"', tell=True), "holds no observations"),
        (forget_record, "make the record"),
    ],
)
def test_what_is_not_whole_is_refused_with_what_is_wrong(
    archive: Path, sabotage: Callable[[Contents], object], cause: str
) -> None:
    with zipfile.ZipFile(archive) as opened:
        contents = {name: opened.read(name) for name in opened.namelist()}
    sabotage(contents)
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in contents.items():
            written.writestr(name, content)
    with pytest.raises(CliError, match="is not what `mlp runs export` wrote") as raised:
        check(archive)
    assert cause in raised.value.cause


def test_no_changed_byte_gets_through(archive: Path) -> None:
    seed = int(os.environ.get("ARCHIVE_SEED", random.randrange(2**32)))
    print(f"seed {seed}; repeat with ARCHIVE_SEED={seed}")
    chance, content, good = random.Random(seed), archive.read_bytes(), check(archive)
    refused = 0
    for _ in range(150):
        broken = bytearray(content)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        archive.write_bytes(
            bytes(broken[: chance.choice((len(broken), len(broken), chance.randrange(len(broken)))) or 1])
        )
        try:
            found = check(archive)
        except CliError:
            refused += 1
        else:  # What changed is a time or another field that says nothing of the content.
            assert found.runs == good.runs
            assert (found.blobs, found.environments) == (good.blobs, good.environments)
    assert refused > 75


def test_a_file_that_is_no_archive_or_not_there_is_a_sentence(other: Account, tmp_path: Path) -> None:
    text = tmp_path / "text.zip"
    text.write_text("hello")
    assert "it is no whole zip" in mlp(other, "import", str(text), code=2)["error"]
    assert "there is no file" in mlp(other, "import", str(tmp_path / "none.zip"), code=3)["error"]
