"""The document of a pipeline's runs: whole, and refused with all that is wrong with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrecords.codec import InvalidDocumentError
from mlscaling.jobs.ladder import OutOfMemory, StepMemory, Usage
from runs.state import ActiveRun, Because, StaleFenceError, State, decode, encode

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
floats = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(float, floats)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(state=st.builds(State, version=st.just(1)))
def test_a_state_is_read_as_it_was_written(state: State) -> None:
    assert decode(encode(state), "state") == state


def test_all_problems_of_a_document_are_told_with_their_places() -> None:
    document = {
        "version": 1,
        "created_at": "yesterday",
        "fence": "7",
        "active": {"r": {"fence": 1, "generation": 1, "attempt": True}},
        "queue": {},
        "mood": "good",
    }
    with pytest.raises(InvalidDocumentError) as caught:
        decode(json.dumps(document).encode(), "s3://b/state.json")
    told = str(caught.value)
    assert "s3://b/state.json has mood, which this version of the platform does not know; deploy it again" in told
    assert "s3://b/state.json.created_at is 'yesterday'; it has to be a moment with its offset" in told
    assert "s3://b/state.json.fence is '7'; it has to be a whole number" in told
    assert "s3://b/state.json.active.r has no scheduled_at, because, started_at, attempt_started_at" in told
    assert "s3://b/state.json.active.r.attempt is True; it has to be a whole number" in told
    assert "s3://b/state.json.queue is {}; it has to be a list" in told


def test_a_document_of_another_version_and_one_that_is_no_json_are_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="has version 2; this platform reads version 1"):
        decode(b'{"version": 2}', "state")
    with pytest.raises(InvalidDocumentError, match="restore its previous version"):
        decode(b"{", "state")


def test_only_the_present_attempt_holds_its_run() -> None:
    run = ActiveRun(
        fence=7,
        generation=5,
        attempt=2,
        scheduled_at=NOW,
        because=Because.SCHEDULE,
        started_at=NOW,
        attempt_started_at=NOW,
    )
    state = State(created_at=NOW, fence=7).with_active("r", run)
    assert state.holder("r", 7) == run
    with pytest.raises(StaleFenceError, match="StaleFence: run r is at fence 7, so fence 5 may do nothing"):
        state.holder("r", 5)
    with pytest.raises(StaleFenceError, match="StaleFence: run other is not active"):
        state.holder("other", 7)


def test_memory_forgets_the_oldest_and_what_is_over() -> None:
    usage = [Usage("ml.m5.large", rows, 1, 1.0, 1) for rows in range(30)]
    memory = StepMemory().with_usage(usage)
    assert [record.rows for record in memory.usage] == list(range(10, 30))
    memory = memory.with_no_capacity("ml.m5.large", NOW + timedelta(hours=1), NOW)
    memory = memory.with_no_capacity("ml.c5.large", NOW + timedelta(hours=9), NOW + timedelta(hours=2))
    assert list(memory.no_capacity) == ["ml.c5.large"]
    shortage = OutOfMemory(10, 20)
    assert memory.with_out_of_memory(shortage).with_out_of_memory(shortage).out_of_memory == (shortage,)
