"""The function that lets the minimum follow the forecast, against Application Auto Scaling in simulated time: days pass in a test."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mlplatform.scaling.runtime.set_floor import HOLDS_MINUTES, set_floor
from mlscaling import Event, History, Published, PublishedForecast, Scaling
from tests.unit.scaling.deployed_floor import FLOOR, HOUR, LONGEST_WAIT, START, asked, deployed
from tests.unit.scaling.simulated_autoscaling import KilledError


def with_peak(rate: float = 80) -> History:
    """A week before `START`: 10 requests per second, and more from two to three in the night."""
    counts = [300 * (rate if place // 12 % 24 == 2 else 10.0) for place in range(7 * 288)]
    return History(start=START - timedelta(days=7), interval_seconds=300, counts=tuple(counts))


POLICY = Scaling(minimum=2, maximum=6, floor=FLOOR)


def test_the_minimum_rises_before_the_peak_up_to_the_maximum_and_falls_after_it() -> None:
    target = deployed(POLICY)
    seen: dict[datetime, int] = {}
    for hour in range(6):
        set_floor(target, asked(POLICY), with_peak(), START + hour * HOUR)
        seen |= dict(target.minutes(START + (hour + 1) * HOUR))

    high = [moment for moment, minimum in seen.items() if minimum == 6]
    assert set(seen.values()) == {2, 6}
    assert (high[0], high[-1]) == (START + timedelta(hours=1, minutes=50), START + timedelta(hours=2, minutes=59))


def test_a_call_just_before_the_peak_leaves_what_was_planned_for_it() -> None:
    """Its own plan begins at five to two, and the one before it raises the minimum at ten to two."""
    target = deployed(POLICY)
    set_floor(target, asked(POLICY), with_peak(), START)
    late = START + timedelta(hours=1, minutes=48)
    target.wait_until(late)

    set_floor(target, asked(POLICY), with_peak(), late + timedelta(seconds=30))

    seen = dict(target.minutes(late + timedelta(minutes=10)))
    assert [seen[late + timedelta(minutes=minute)] for minute in (1, 2, 6, 7, 8, 10)] == [2, 6, 6, 6, 6, 6]


def test_a_floor_expires_when_the_function_is_never_called_again() -> None:
    night = History(start=START - timedelta(days=7), interval_seconds=300, counts=(300 * 50.0,) * (7 * 288))
    target = deployed(POLICY)
    set_floor(target, asked(POLICY), night, START)

    seen = dict(target.minutes(START + 6 * HOUR))

    assert seen[START + HOUR] == 5
    ends = next(moment for moment, minimum in seen.items() if moment > START + HOUR and minimum == 2)
    assert timedelta(0) < ends - START - timedelta(minutes=HOLDS_MINUTES) <= LONGEST_WAIT
    assert all(minimum == 2 for moment, minimum in seen.items() if moment >= ends)


def test_without_any_demand_known_the_minimum_stays_what_the_policy_declares() -> None:
    target = deployed(POLICY)

    set_floor(target, asked(POLICY), None, START)

    assert {minimum for _, minimum in target.minutes(START + 6 * HOUR)} == {2}


def test_a_call_that_is_repeated_changes_nothing() -> None:
    target = deployed(POLICY)
    first = set_floor(target, asked(POLICY), with_peak(), START)

    again = set_floor(target, asked(POLICY), with_peak(), START + timedelta(seconds=100))

    assert first["put"] == first["actions"] > 2
    assert again == {"actions": first["actions"], "put": 0, "deleted": 0}


def test_what_is_left_of_earlier_plans_is_deleted_and_nothing_of_the_calendar() -> None:
    spot = Event(name="TV spot", at=START + timedelta(days=1), capacity=4)
    policy = Scaling(minimum=2, maximum=6, floor=FLOOR, calendar=(spot,))
    target = deployed(policy)
    set_floor(target, asked(policy), with_peak(), START)
    target.wait_until(START + 8 * HOUR)

    answered = set_floor(target, asked(policy), with_peak(), START + 8 * HOUR)

    ours = [name for name in target.found if name.startswith("floor-")]
    assert len(ours) == answered["actions"]
    assert sorted(target.found.keys() - set(ours)) == ["calendar-20260309T2345Z", "calendar-20260310T0100Z"]


def test_what_is_published_raises_the_minimum_and_expires_as_everything_does() -> None:
    wanted = PublishedForecast(pipeline="demo-demand", interval_minutes=15)
    policy = replace(POLICY, floor=replace(FLOOR, published=wanted))
    rows = [(START + timedelta(minutes=15 * place), 900 * (45.0 if place == 4 else 10.0)) for place in range(48)]
    target = deployed(policy)

    set_floor(target, asked(policy), with_peak(), START, Published.of(START, rows, wanted))

    seen = dict(target.minutes(START + 6 * HOUR))
    high = [moment for moment, minimum in seen.items() if minimum == 5]
    assert (high[0], high[-1]) == (START + timedelta(minutes=50), START + timedelta(minutes=74))
    assert set(seen.values()) == {2, 5}


def test_an_action_that_is_gone_by_itself_is_no_failure() -> None:
    target = deployed(POLICY)
    set_floor(target, asked(POLICY), with_peak(), START)
    target.wait_until(START + HOUR)
    described = target.describe_scheduled_actions

    def describe_then_lose(**request: str) -> dict[str, object]:
        page = described(**request)
        for one in page["ScheduledActions"]:
            if target.found[one["ScheduledActionName"]].done:
                del target.found[one["ScheduledActionName"]]
        return page

    target.describe_scheduled_actions = describe_then_lose  # type: ignore[method-assign]

    assert set_floor(target, asked(POLICY), with_peak(), START + HOUR)["deleted"] == 1


def test_a_floor_expires_whichever_call_the_function_dies_after() -> None:
    calls = set_floor(deployed(POLICY), asked(POLICY), with_peak(), START)["put"]
    for dies_after in range(calls):
        target = deployed(POLICY)
        target.dies_after = dies_after
        with pytest.raises(KilledError):
            set_floor(target, asked(POLICY), with_peak(), START)

        *_, (_, last) = target.minutes(START + 12 * HOUR)

        assert last == 2
