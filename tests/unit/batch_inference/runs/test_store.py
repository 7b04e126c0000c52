"""Compare-and-swap on a real S3 server."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from attempts import documents as module
from attempts.documents import ContendedStateError
from runs.settings import Overlap
from runs.state import Because, QueuedRun, State
from runs.store import Store
from runs.transitions import Answer, Policy, start

THREADS, CHANGES = 8, 5


def in_threads(actions: list[Any]) -> None:
    """All at once; what one raises fails the test."""
    errors: list[BaseException] = []

    def guarded(action: Any) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.fixture
def store(s3: Any, bucket: str) -> Store:
    return Store(s3, f"s3://{bucket}/run-state/demo.json")


def count(state: State) -> State:
    return replace(state, fence=state.fence + 1)


def test_no_change_is_lost_when_many_change_at_once(store: Store) -> None:
    in_threads([lambda: [store.update(count) for _ in range(CHANGES)]] * THREADS)
    assert store.read().fence == THREADS * CHANGES


def test_of_runs_that_start_at_once_each_is_started_or_queued_once(store: Store) -> None:
    """Eight functions, each told of the same four moments: one run is at work, three wait, in their order."""
    moments = [datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in range(4)]
    answers: list[Answer] = []

    def begin(moment: datetime) -> None:
        wanted = QueuedRun(f"{moment:%H}", moment, Because.SCHEDULE)
        policy = Policy(Overlap.WAIT)
        answers.append(store.transact(lambda state: start(state, wanted, moment, policy, published=False)))

    in_threads([lambda moment=moment: begin(moment) for moment in moments * 2])
    state = store.read()
    assert sorted(answer.value for answer in answers) == ["duplicate"] * 4 + ["queued"] * 3 + ["started"]
    assert len(state.active) == 1
    assert [queued.run_id for queued in state.queue] == sorted({f"{hour:02}" for hour in range(4)} - set(state.active))
    assert state.fence == 1


def test_the_first_change_makes_the_document_and_one_that_changes_nothing_writes_none(
    store: Store, s3: Any, bucket: str
) -> None:
    store.update(lambda state: state)
    store.update(lambda state: state)
    versions = s3.list_object_versions(Bucket=bucket, Prefix="run-state/")["Versions"]
    assert len(versions) == 1


def test_each_decision_stays_as_a_version(store: Store, s3: Any, bucket: str) -> None:
    for _ in range(3):
        store.update(count)
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="run-state/")["Versions"]) == 3


def test_one_who_always_comes_second_gives_up_with_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.0)
    other = Store(store.s3, store.uri)

    def overtaken(state: State) -> State:
        other.update(count)
        return replace(state, backfill_parallel=2)

    with pytest.raises(ContendedStateError, match="was changed by others 30 times in a row"):
        store.update(overtaken)
    assert store.read().backfill_parallel == 1
