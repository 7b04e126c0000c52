"""The function that plans starts, against EventBridge Scheduler in simulated time: days pass in a test."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlplatform.pipeline.runtime.plan_start import NEVER, FiringError, not_before, plan, time_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
REQUEST = {"GroupName": "churn", "Name": "churn"}
RETRIES = timedelta(minutes=3)
PRECISION = timedelta(seconds=62)


class ConflictError(Exception):
    """A schedule of that name exists."""


@dataclass
class SimulatedScheduler:
    """One schedule at most. It fires up to a minute late, and is deleted after that: when its start is listed, and later.

    Source: EventBridge Scheduler user guide, "Schedule types" (60 seconds of precision) and "Deleting a schedule".
    """

    firing_lag: timedelta
    listing_lag: timedelta
    deletion_lag: timedelta
    now: datetime = MONDAY
    planned: datetime | None = None
    starts: list[datetime] = field(default_factory=list)
    exceptions = SimpleNamespace(ConflictException=ConflictError)

    def advance(self, to: datetime) -> None:
        self.now = to
        if self.planned is None:
            return
        fires = self.planned + self.firing_lag
        if fires <= to and fires not in self.starts:
            self.starts.append(fires)
        if fires + self.listing_lag + self.deletion_lag <= to:
            self.planned = None

    def last_listed(self) -> datetime:
        return max((start for start in self.starts if start + self.listing_lag <= self.now), default=NEVER)

    def create_schedule(self, *, ScheduleExpression: str, **_: Any) -> None:  # noqa: N803
        if self.planned is not None:
            raise ConflictError
        self.planned = time_of({"ScheduleExpression": ScheduleExpression})

    def get_schedule(self, **_: Any) -> dict[str, str]:
        assert self.planned is not None
        return {"ScheduleExpression": f"at({self.planned:%Y-%m-%dT%H:%M:%S})"}


def deliver(
    scheduler: SimulatedScheduler, moments: Iterable[datetime], settle: timedelta, cool_down: timedelta
) -> None:
    """As Lambda does it: an event that fails comes again one minute later, and two minutes after that."""
    queue = [(moment, 0) for moment in sorted(moments)]
    while queue:
        moment, attempt = heapq.heappop(queue)
        scheduler.advance(moment)
        at = not_before(moment + settle, scheduler.last_listed(), cool_down)
        try:
            plan(scheduler, REQUEST, at, moment)
        except FiringError:
            assert attempt < 2, "the event went to the dead-letter queue"
            heapq.heappush(queue, (moment + timedelta(minutes=attempt + 1), attempt + 1))


lags = st.integers(0, 60).map(lambda value: timedelta(seconds=value))


@given(
    events=st.lists(st.integers(0, 100_000), min_size=1, max_size=40),
    settle=st.integers(0, 60).map(lambda value: timedelta(minutes=value)),
    cool_down=st.integers(5, 700).map(lambda value: timedelta(minutes=value)),
    firing_lag=lags,
    listing_lag=lags,
    deletion_lag=lags,
)
def test_every_event_is_followed_by_a_start_and_starts_keep_their_distance(
    events: list[int],
    settle: timedelta,
    cool_down: timedelta,
    firing_lag: timedelta,
    listing_lag: timedelta,
    deletion_lag: timedelta,
) -> None:
    """Whatever comes, as often as it comes, and however late AWS fires, lists and deletes."""
    scheduler = SimulatedScheduler(firing_lag, listing_lag, deletion_lag)
    moments = [MONDAY + timedelta(seconds=event) for event in events]

    deliver(scheduler, moments, settle, cool_down)
    scheduler.advance(MONDAY + timedelta(days=30))

    assert all(later - earlier >= cool_down for earlier, later in pairwise(scheduler.starts))
    for moment in moments:
        following = next(start for start in scheduler.starts if start > moment)
        assert following <= moment + cool_down + settle + RETRIES + PRECISION


def test_an_event_before_a_planned_start_plans_no_other() -> None:
    scheduler = SimulatedScheduler(timedelta(), timedelta(), timedelta())
    hour = timedelta(hours=1)

    deliver(scheduler, [MONDAY, MONDAY + hour / 2], settle=hour, cool_down=timedelta(days=1))

    assert scheduler.planned == MONDAY + hour + timedelta(seconds=1)


def test_the_first_start_is_not_put_off_by_events_that_come_while_it_fires() -> None:
    """Scheduler may fire a minute after the time it was asked for; events go on arriving."""
    scheduler = SimulatedScheduler(timedelta(seconds=59), timedelta(), timedelta())

    deliver(scheduler, [MONDAY + timedelta(seconds=n) for n in range(90)], timedelta(), cool_down=timedelta(days=1))
    scheduler.advance(MONDAY + timedelta(days=2))

    assert scheduler.starts[0] == MONDAY + timedelta(seconds=60)
    assert len(scheduler.starts) == 2
