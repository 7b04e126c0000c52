"""Random policies, demands and calls of the function of the floor: whenever it is called or killed, what was promised and proved holds."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, note, settings
from hypothesis import strategies as st

from mlplatform.scaling.runtime.set_floor import HOLDS_MINUTES, set_floor
from mlscaling import Event, ForecastFloor, History, Published, PublishedForecast, Scaling, TimesUsual
from mlscaling.forecasts.floors import minimums
from mlscaling.forecasts.published import newest
from mlscaling.measurements.invocations import whole_interval
from tests.unit.scaling.deployed_floor import FLOOR, HOUR, LONGEST_WAIT, START, asked, deployed
from tests.unit.scaling.simulated_autoscaling import KilledError

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
