"""Which moments a backfill is about, and what is done with each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlp.backfill.moments import Moment, Schedule, Standing, run_id_of, scheduled_moments, standings, to_start
from mlp.backfill.progress import counts
from mlp.backfill.runs import is_by_moment
from mlp.errors import CliError, ExitCode

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAILY = Schedule(
    expression="cron(0 6 * * ? *)",
    time_zone="Asia/Tokyo",
    start_date=None,
    end_date=None,
    created_at=datetime(2026, 11, 1, tzinfo=UTC),
)


def ids(schedule: Schedule, first: str, last: str) -> list[str]:
    return [run_id_of(moment) for moment in scheduled_moments(schedule, first, last, now=NOW)]


def test_days_are_those_of_the_schedules_zone_and_both_are_included() -> None:
    assert ids(DAILY, "2026-11-20", "2026-11-21") == ["2026-11-19T210000Z", "2026-11-20T210000Z"]


def test_a_time_is_included_whatever_zone_it_is_given_in() -> None:
    assert ids(DAILY, "2026-11-20T06:00", "2026-11-20T06:00+09:00") == ["2026-11-19T210000Z"]


def test_what_has_not_come_yet_is_left_out() -> None:
    assert ids(DAILY, "2026-11-24", "2027-01-31") == ["2026-11-23T210000Z"]


def test_a_rate_had_moments_before_it_was_made() -> None:
    hourly = replace(DAILY, expression="rate(12 hours)", created_at=datetime(2026, 11, 10, 3, tzinfo=UTC))
    assert ids(replace(hourly, time_zone="UTC"), "2026-11-01", "2026-11-01") == [
        "2026-11-01T030000Z",
        "2026-11-01T150000Z",
    ]


@pytest.mark.parametrize(
    ("first", "last", "cause"),
    [
        ("yesterday", "2026-11-", "--from is 'yesterday'; --to is '2026-11-'"),
        ("2026-11-24", "2026-11-20", "--from 2026-11-24 is not before --to 2026-11-20"),
    ],
)
def test_what_is_no_span_of_days_is_refused(first: str, last: str, cause: str) -> None:
    with pytest.raises(CliError) as caught:
        scheduled_moments(DAILY, first, last, now=NOW)
    assert (caught.value.cause, caught.value.exit_code) == (cause, ExitCode.BAD_INPUT)


def stand(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def test_each_moment_stands_as_the_manifests_and_the_state_say() -> None:
    published = {run_id_of(stand(number)) for number in (1, 2, 5)}
    state: dict[str, Any] = {
        "active": {run_id_of(stand(4)): {}},
        "queue": [{"run_id": run_id_of(stand(5))}],
        "recent": [
            {"run_id": run_id_of(stand(2)), "status": "published"},
            {"run_id": run_id_of(stand(6)), "status": "failed", "reason": "no model"},
        ],
    }
    changed = {run_id_of(stand(2)): "input: 1 new"}
    found = standings([stand(number) for number in range(1, 7)], published=published, changed=changed, state=state)
    assert [moment.standing.value for moment in found] == [
        "published",
        "changed",
        "missing",
        "running",
        "waiting",
        "failed",
    ]
    assert [moment.note for moment in found] == ["", "input: 1 new", "", "", "", "no model"]
    assert counts(found) == "1 published, 1 changed, 1 missing, 1 failed, 1 waiting, 1 running"
    assert [moment.scheduled_at.day for moment in to_start(found, again=False)] == [2, 3, 6]
    assert [moment.scheduled_at.day for moment in to_start(found, again=True)] == [1, 2, 3, 6]


@pytest.mark.parametrize(
    ("standing", "again"),
    [(Standing.MISSING, False), (Standing.FAILED, False), (Standing.CHANGED, True), (Standing.PUBLISHED, True)],
)
def test_only_what_has_published_is_asked_for_again(standing: Standing, again: bool) -> None:
    moment = Moment(scheduled_at=NOW - timedelta(hours=1), standing=standing)
    assert moment.start() == {"scheduled_at": "2026-11-24T11:00:00+00:00", "because": "backfill", "again": again}


def test_an_input_is_by_moment_if_it_holds_codes_of_strftime() -> None:
    assert is_by_moment("s3://data/sales/%Y/%m/%d/")
    assert not is_by_moment("s3://data/sales/")
    assert not is_by_moment(None)
