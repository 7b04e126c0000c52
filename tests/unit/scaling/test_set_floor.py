"""The function that lets the minimum follow the forecast, against Application Auto Scaling in simulated time: days pass in a test."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from mlplatform.scaling.rendering import calendar_actions
from mlplatform.scaling.runtime.set_floor import HOLDS_MINUTES, Asked, set_floor
from mlscaling import Event, ForecastFloor, History, Published, PublishedForecast, Scaling, TimesUsual
from mlscaling.forecasts.floors import minimums
from mlscaling.forecasts.published import newest
from mlscaling.measurements.invocations import whole_interval
from tests.unit.scaling.simulated_autoscaling import KilledError, SimulatedAutoScaling

START = datetime(2026, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=7)
"""From a call to its first action."""


def asked(scaling: Scaling) -> Asked:
    return Asked(
        resource_id="endpoint/quotes/variant/AllTraffic",
        dimension="sagemaker:variant:DesiredInstanceCount",
        metric_dimensions={"EndpointName": "quotes", "VariantName": "AllTraffic"},
        scaling=scaling,
    )


def deployed(scaling: Scaling, seed: int = 0) -> SimulatedAutoScaling:
    """The target as CloudFormation makes it: the policy's minimum, and the actions of its calendar."""
    target = SimulatedAutoScaling(minimum=scaling.minimum, now=START, order=random.Random(seed))
    for one in calendar_actions(scaling):
        target.put_scheduled_action(
            ScheduledActionName=one["scheduledActionName"],
            Schedule=one["schedule"],
            Timezone=one["timezone"],
            ScalableTargetAction={"MinCapacity": one["scalableTargetAction"]["minCapacity"]},
        )
    target.calls = 0
    return target


def with_peak(rate: float = 80) -> History:
    """A week before `START`: 10 requests per second, and more from two to three in the night."""
    counts = [300 * (rate if place // 12 % 24 == 2 else 10.0) for place in range(7 * 288)]
    return History(start=START - timedelta(days=7), interval_seconds=300, counts=tuple(counts))


FLOOR = ForecastFloor(requests_per_second=10, quantile=0.5, periods=5, around_minutes=0, lead_minutes=10)
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


WANTED = PublishedForecast(pipeline="demo-demand", interval_minutes=15, oldest_hours=3)
POLICIES = st.builds(
    lambda minimum, more, floor, events: Scaling(
        minimum=minimum,
        maximum=minimum + more,
        floor=floor,
        calendar=tuple(
            Event(
                name="event",
                at=START + timedelta(minutes=at),
                capacity=min(capacity, minimum + more),
                minutes=minutes,
                lead_minutes=lead,
            )
            for at, capacity, minutes, lead in events
        ),
    ),
    minimum=st.integers(1, 4),
    more=st.sampled_from([0, 3, 12]),
    floor=st.builds(
        ForecastFloor,
        requests_per_second=st.floats(1.5, 6),
        quantile=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
        periods=st.integers(1, 3),
        around_minutes=st.sampled_from([0, 0, 15]),
        recent_hours=st.sampled_from([0, 2]),
        lead_minutes=st.integers(0, 15),
        published=st.sampled_from([None, WANTED]),
    ),
    events=st.lists(
        st.tuples(st.integers(100, 900), st.integers(1, 16), st.integers(1, 200), st.integers(0, 60)), max_size=3
    ),
)
COUNTED = st.builds(
    lambda seed, days: History(
        start=START - timedelta(days=days),
        interval_seconds=300,
        counts=tuple(random.Random(seed).uniform(0, 6_000) for _ in range((days + 1) * 288)),
    ),
    seed=st.integers(0, 10_000),
    days=st.integers(1, 3),
)
HISTORIES = st.one_of(st.none(), COUNTED, COUNTED)
PUBLISHED = st.builds(
    lambda seed, minutes, apart: Published.of(
        START + timedelta(minutes=minutes),
        [
            (START + timedelta(minutes=minutes + apart * place), random.Random(seed + place).uniform(0, 18_000))
            for place in range(20)
        ],
        WANTED,
    ),
    seed=st.integers(0, 10_000),
    minutes=st.integers(-400, 200),
    apart=st.sampled_from([15, 15, 20]),
)
"""Fresh, too old or of later, with gaps or without."""
CALLS = st.lists(st.tuples(st.integers(0, 240), st.one_of(st.none(), st.integers(0, 20))), min_size=1, max_size=6)
"""Minutes since the call before, and after how many changes the function is killed."""


@given(
    scaling=POLICIES,
    history=HISTORIES,
    forecasts=st.lists(PUBLISHED, max_size=3),
    calls=CALLS,
    seed=st.integers(0, 1000),
)
def test_whenever_it_is_called_or_killed_the_minimum_stays_within_the_policy_and_comes_back(
    scaling: Scaling,
    history: History | None,
    forecasts: list[Published],
    calls: list[tuple[int, int | None]],
    seed: int,
) -> None:
    """The three promises: never over the maximum, never under what policy and calendar declare, and back in the end."""
    note(f"seed {seed}")
    target = deployed(scaling, seed)
    at = START
    for wait, dies_after in [*calls, (HOLDS_MINUTES + 10, 0)]:
        at += timedelta(minutes=wait)
        for moment, minimum in target.minutes(at):
            assert scaling.minimum_of_calendar(moment) <= minimum <= scaling.maximum
        target.dies_after, target.calls = dies_after, 0
        try:
            set_floor(target, asked(scaling), history, at, newest(forecasts, at))
        except KilledError:
            continue
    for moment, minimum in target.minutes(at + timedelta(hours=12)):
        assert minimum == scaling.minimum_of_calendar(moment)


@given(
    scaling=POLICIES,
    history=COUNTED,
    forecast=st.one_of(st.none(), PUBLISHED),
    seed=st.integers(0, 1000),
    seconds=st.lists(st.integers(0, 3599), min_size=1, max_size=4),
)
def test_from_the_first_call_on_the_minimum_is_what_the_replay_has_proved(
    scaling: Scaling, history: History, forecast: Published | None, seed: int, seconds: list[int]
) -> None:
    """However late in its hour each call comes; but for the minute in which the calendar has a change of its own.

    What is forecast for a minute is the same in each call, as long as the forecast does not look at the last hours, and nothing is
    published or grows too old meanwhile.
    """
    assert scaling.floor is not None
    lasting = None if scaling.floor.published is None else replace(WANTED, oldest_hours=100)
    scaling = replace(scaling, floor=replace(scaling.floor, recent_hours=0, published=lasting))
    if forecast is not None:
        forecast = replace(forecast, published_at=START - 9 * HOUR)
    target = deployed(scaling, seed)
    seen: dict[datetime, int] = {}
    for hour, second in enumerate(seconds):
        call = START + hour * HOUR + timedelta(seconds=second)
        seen |= dict(target.minutes(call.replace(second=0)))
        target.wait_until(call)
        set_floor(target, asked(scaling), history, call, forecast)
        target.wait_until(call.replace(second=0))
    seen |= dict(target.minutes(START + (len(seconds) + 1) * HOUR))

    start = whole_interval(START + timedelta(seconds=seconds[0]) + LONGEST_WAIT)
    edges = {moment for moment, _ in scaling.calendar_changes()}
    wanted = minimums(scaling, history, start, round((target.now - start) / timedelta(minutes=1)), forecast)
    for minute, one in enumerate(wanted):
        moment = start + timedelta(minutes=minute)
        if moment not in edges:
            assert seen[moment] == one


@settings(max_examples=25, deadline=None)  # Each has some ten calls, and each call looks at all hours of the days.
@given(
    seed=st.integers(0, 10_000),
    days=st.integers(1, 3),
    at=st.integers(100, 300),
    lead_minutes=st.integers(0, 30),
    minutes=st.integers(5, 40),
    phase_seconds=st.integers(0, 299),
    floor=st.sampled_from([None, replace(FLOOR, requests_per_second=3)]),
)
def test_an_event_gets_what_the_replay_has_proved_however_its_calls_fall(
    seed: int,
    days: int,
    at: int,
    lead_minutes: int,
    minutes: int,
    phase_seconds: int,
    floor: ForecastFloor | None,
) -> None:
    """The function is called every five minutes and knows what had been counted then; the replay has the whole history."""
    draws = random.Random(seed)
    counts = tuple(draws.uniform(0, 6_000) for _ in range((days + 1) * 288))
    history = History(start=START - timedelta(days=days), interval_seconds=300, counts=counts)
    event = Event(
        name="TV spot",
        at=START + timedelta(minutes=at),
        capacity=2,
        minutes=minutes,
        lead_minutes=lead_minutes,
        demand=TimesUsual(times=10, requests_per_second=9),
    )
    scaling = Scaling(minimum=1, maximum=30, floor=floor, calendar=(event,))
    target = deployed(scaling, seed)
    seen: dict[datetime, int] = {}
    call = whole_interval(event.begins) - timedelta(minutes=25) + timedelta(seconds=phase_seconds)
    while call < event.ends:
        seen |= dict(target.minutes(call.replace(second=0)))
        target.wait_until(call)
        known = history.until(whole_interval(call) - timedelta(minutes=5))
        set_floor(target, asked(scaling), known, call)
        target.wait_until(call.replace(second=0))
        call += timedelta(minutes=5)
    seen |= dict(target.minutes(event.ends))

    wanted = minimums(scaling, history, event.begins, round((event.ends - event.begins) / timedelta(minutes=1)))
    for minute, one in enumerate(wanted[1:], start=1):
        assert seen[event.begins + timedelta(minutes=minute)] == one
