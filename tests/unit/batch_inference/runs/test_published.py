"""What readers start from changes whole: whoever crashes, comes late or publishes at the same moment."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attempts.objects import ContendedObjectError, Found, replace
from runs.published import Publication, publish, timestamp
from runs.state import StaleFenceError
from tests.unit.batch_inference.runs.publishing import Generation, Output

NOON, LATER = datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)
R1, R2 = "2026-11-23T120000Z", "2026-11-24T120000Z"


@pytest.fixture
def output(s3: Any, bucket: str) -> Output:
    return Output(s3, bucket)


@pytest.fixture
def fresh_bucket(s3: Any, bucket: str) -> Callable[[], str]:
    """Makes a bucket for each example."""
    numbers = count()

    def make() -> str:
        name = f"{bucket}-{next(numbers)}"
        s3.create_bucket(Bucket=name)
        return name

    return make


def test_a_manifest_leads_from_model_and_input_versions_to_the_files(output: Output) -> None:
    first = Generation(R1, 3, parts=2)
    assert publish(output.s3, output.publication(first, fence=5, scheduled_at=NOON)) is True
    manifest = output.get(f"manifests/{R1}.json")
    assert (manifest["generation"], manifest["fence"]) == (3, 5)
    assert manifest["input"]["version"] == first.path
    assert manifest["output"]["uri"] == f"{output.root_uri}/runs/{first.path}/"
    assert [file["path"] for file in manifest["output"]["files"]] == ["part-00000.parquet", "part-00001.parquet"]
    assert output.get("latest.json") == {
        "run_id": R1,
        "generation": 3,
        "started_at": "2026-11-23T03:00:00+00:00",
        "scheduled_at": "2026-11-23T12:00:00+00:00",
        "manifest_uri": f"{output.root_uri}/runs/{first.path}/manifest.json",
        "output_uri": f"{output.root_uri}/runs/{first.path}/",
    }


def test_athena_finds_the_files_in_the_partition_of_the_day_in_the_pipelines_time_zone(output: Output) -> None:
    late = datetime(2026, 11, 23, 20, tzinfo=UTC)
    publish(output.s3, output.publication(Generation(R1, 1, 1), fence=1, scheduled_at=late, time_zone="Asia/Tokyo"))
    (path,) = output.paths("published/")
    assert path == f"published/date=2026-11-24/{R1}.txt"
    assert output.read(f"{output.root_uri}/{path}").decode() == (
        f"{output.root_uri}/runs/run_id={R1}/1/part-00000.parquet\n"
    )


def test_latest_never_goes_back_to_an_earlier_moment(output: Output) -> None:
    assert publish(output.s3, output.publication(Generation(R2, 1, 1), fence=1, scheduled_at=LATER)) is True
    assert publish(output.s3, output.publication(Generation(R1, 2, 1), fence=2, scheduled_at=NOON)) is False
    assert output.get("latest.json")["run_id"] == R2
    assert output.paths("manifests/") == [f"manifests/{R1}.json", f"manifests/{R2}.json"]


def test_a_re_run_replaces_and_marks_the_older_generation_for_the_buckets_lifecycle(output: Output) -> None:
    old, new = Generation(R1, 1, 2), Generation(R1, 2, 1)
    publish(output.s3, output.publication(old, fence=1, scheduled_at=NOON))
    publish(output.s3, output.publication(new, fence=2, scheduled_at=NOON))
    assert [made_by(output, uris) for _, uris in output.views()] == [f"{R1}/2"] * 3
    tags = {path: tags_of(output, path) for path in output.paths("runs/")}
    assert {path for path, found in tags.items() if found == {"superseded": "true"}} == {
        path for path in tags if path.startswith(f"runs/{old.path}/")
    }


def test_a_run_moves_to_another_day_with_the_time_zone_and_is_not_doubled(output: Output) -> None:
    late = datetime(2026, 11, 23, 20, tzinfo=UTC)
    publish(output.s3, output.publication(Generation(R1, 1, 1), fence=1, scheduled_at=late))
    moved = output.publication(Generation(R1, 2, 1), fence=2, scheduled_at=late, time_zone="Asia/Tokyo")
    publish(output.s3, moved)
    publish(output.s3, moved)
    assert [path for path, _ in output.views()] == [
        f"manifests/{R1}.json",
        f"published/date=2026-11-24/{R1}.txt",
        "latest.json",
    ]


def test_claims_of_two_attempts_with_the_same_places_are_told_apart(output: Output) -> None:
    """An attempt between them that has read the first must not take the second for it."""
    etags = []
    for fence in (1, 3):
        publish(output.s3, output.publication(Generation(R1, fence, 1), fence=fence, scheduled_at=NOON))
        etags.append(output.s3.head_object(Bucket=output.bucket, Key=f"demo-weekly/claims/{R1}.json")["ETag"])

    assert etags[0] != etags[1]


def test_an_attempt_that_was_overtaken_publishes_nothing(output: Output) -> None:
    stale = output.publication(Generation(R1, 1, 1), fence=1, scheduled_at=NOON)
    publish(output.s3, output.publication(Generation(R1, 2, 1), fence=2, scheduled_at=NOON))
    with pytest.raises(StaleFenceError, match=r"^StaleFence: .*claims/.* later attempt than fence 1"):
        publish(output.s3, stale)
    assert [made_by(output, uris) for _, uris in output.views()] == [f"{R1}/2"] * 3


def test_a_latest_of_before_there_were_schedules_is_replaced(output: Output) -> None:
    output.put(f"{output.root_uri}/latest.json", {"run_id": "old", "started_at": "2026-11-22T03:00:00+00:00"})
    assert publish(output.s3, output.publication(Generation(R1, 1, 1), fence=1, scheduled_at=NOON)) is True
    assert output.get("latest.json")["run_id"] == R1


def test_an_object_that_changes_all_the_time_is_given_up_with_a_sentence(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    uri = f"{output.root_uri}/contended"

    def text(current: Found | None) -> bytes:
        output.put(uri, {"seen": None if current is None else current.etag})
        return b"ours"

    with pytest.raises(ContendedObjectError, match="changed 12 times in a row"):
        replace(output.s3, uri, fence=1, text=text, content_type="text/plain", overtaken=lambda _: False)


@pytest.mark.parametrize(
    "text", ["2026-11-23T03:00:00Z", "2026-11-23T03:00:00", "2026-11-23T03:00:00+00:00", "1795402800", "1795402800.0"]
)
def test_a_moment_is_understood_however_it_is_written(text: str) -> None:
    assert timestamp(text).isoformat() == "2026-11-23T03:00:00+00:00"


class Killed(BaseException):
    """The function was killed before a write. No code of ours catches it."""


@dataclass
class Attempt:
    """A publisher in a thread of its own, that waits before each write until it is told to go on or to die."""

    s3: Any
    publication: Publication
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _waits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _dies: bool = False
    ended: bool = False
    published: bool = False

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._waits.acquire()

    def step(self, *, dies: bool = False) -> None:
        """Let it do its next write, or kill it before; returns when it waits again or has ended."""
        if not self.ended:
            self._dies = dies
            self._go.release()
            self._waits.acquire()

    def finish(self) -> None:
        while not self.ended:
            self.step()
        self._thread.join()

    def _run(self) -> None:
        try:
            publish(self, self.publication)
            self.published = True
        except (Killed, StaleFenceError):
            """Nobody looks after it any more."""
        finally:
            self.ended = True
            self._waits.release()

    def put_object(self, **arguments: Any) -> Any:
        self._waits.release()
        self._go.acquire()
        if self._dies:
            raise Killed
        return self.s3.put_object(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.s3, name)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, str]]:
    """Attempts of two runs, in the order of their fences: the run, its generation, and the pipeline's time zone then."""
    attempts: list[tuple[str, int, str]] = []
    for fence in range(1, draw(st.integers(2, 4)) + 1):
        run_id = draw(st.sampled_from([R1, R1, R2]))
        earlier = [generation for run, generation, _ in attempts if run == run_id]
        keeps = bool(earlier) and draw(st.booleans())
        attempts.append((run_id, earlier[-1] if keeps else fence, draw(st.sampled_from(["UTC", "Pacific/Auckland"]))))
    return attempts


@settings(max_examples=20, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=histories(),
    turns=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([False] * 7 + [True])), max_size=24),
)
def test_readers_see_one_complete_generation_whoever_is_killed_or_late(
    s3: Any, fresh_bucket: Callable[[], str], history: list[tuple[str, int, str]], turns: list[tuple[int, bool]]
) -> None:
    output = Output(s3, fresh_bucket())
    moments = {R1: NOON, R2: LATER}
    publications = [
        output.publication(
            Generation(run_id, generation, parts=1 + generation % 3),
            fence=fence,
            scheduled_at=moments[run_id],
            time_zone=zone,
        )
        for fence, (run_id, generation, zone) in enumerate(history, start=1)
    ]
    attempts = [Attempt(s3, publication) for publication in publications]
    seen: dict[str, int] = {}
    try:
        for number, dies in turns:
            attempts[number % len(attempts)].step(dies=dies)
            look(output, seen)
    finally:
        for attempt in attempts:
            attempt.finish()
    look(output, seen)
    newest = {it.run_id: it for it in publications}
    for publication in newest.values():  # The controller sees to it that the last attempt of a run ends well.
        publish(s3, publication)
    look(output, seen)
    for run_id, publication in newest.items():
        views = [made_by(output, uris) for path, uris in output.views() if run_id in path]
        assert views == [f"{run_id}/{publication.generation}"] * 2  # its manifest and one day for Athena
    assert output.get("latest.json")["run_id"] == max(newest)


def look(output: Output, seen: dict[str, int]) -> None:
    """As readers do: every place leads to one complete generation, and none goes back to an earlier one.

    A manifest is written last, so that Athena's view of a run is never older.
    """
    found = {path: made_by(output, uris).split("/") for path, uris in output.views()}
    for path, (run_id, generation) in found.items():
        if path.startswith("manifests/"):
            (of_athena,) = (int(other) for at, (run, other) in found.items() if run == run_id and at.endswith(".txt"))
            assert of_athena >= int(generation)
        if path == "latest.json":
            day = int(run_id[8:10])
            assert day >= seen.get(path, 0)
            seen[path] = day
        else:
            assert run_id in path
            assert int(generation) >= seen.get(path, 0)
            seen[path] = int(generation)


def made_by(output: Output, uris: list[str]) -> str:
    """The one generation to which all rows of these files belong; all of its rows are there."""
    tables = [pq.read_table(io.BytesIO(output.read(uri))) for uri in uris]
    (name,) = {row for table in tables for row in table.column("made_by").to_pylist()}
    run_id, generation = name.split("/")
    whole = Generation(run_id, int(generation), parts=len(uris))
    assert [table.to_pydict() for table in tables] == [whole.table(part).to_pydict() for part in range(whole.parts)]
    assert all(f"/{whole.path}/" in uri for uri in uris)
    folder = {path for path in output.paths(f"runs/{whole.path}/") if path.endswith(".parquet")}
    assert len(folder) == len(uris)
    return str(name)


def tags_of(output: Output, path: str) -> dict[str, str]:
    found = output.s3.get_object_tagging(Bucket=output.bucket, Key=f"demo-weekly/{path}")["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}
