"""The function that plans starts, against EventBridge Scheduler in simulated time: days pass in a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlplatform.pipeline.runtime.plan_start import NEVER, plan, time_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
REQUEST = {"GroupName": "churn", "Name": "churn"}
SECOND = timedelta(seconds=1)


class ConflictError(Exception):
    """A schedule of that name exists."""


@dataclass
class SimulatedScheduler:
    """One schedule at most. It fires at its time and is deleted `deletion_lag` later; what it starts is listed `listing_lag` later."""

    deletion_lag: timedelta
    listing_lag: timedelta
    now: datetime = MONDAY
    fires_at: datetime | None = None
    starts: list[datetime] = field(default_factory=list)
    exceptions = SimpleNamespace(ConflictException=ConflictError)

    def advance(self, to: datetime) -> None:
        self.now = to
        if self.fires_at is None:
            return
        if self.fires_at <= to and self.fires_at not in self.starts:
            self.starts.append(self.fires_at)
        if self.fires_at + self.deletion_lag <= to:
            self.fires_at = None

    def last_listed(self) -> datetime:
        return max((start for start in self.starts if start + self.listing_lag <= self.now), default=NEVER)

    def create_schedule(self, *, ScheduleExpression: str, **_: Any) -> None:  # noqa: N803
        if self.fires_at is not None:
            raise ConflictError
        self.fires_at = time_of({"ScheduleExpression": ScheduleExpression})

    def update_schedule(self, *, ScheduleExpression: str, **_: Any) -> None:  # noqa: N803
        self.fires_at = time_of({"ScheduleExpression": ScheduleExpression})

    def get_schedule(self, **_: Any) -> dict[str, str]:
        assert self.fires_at is not None
        return {"ScheduleExpression": f"at({self.fires_at:%Y-%m-%dT%H:%M:%S})"}


minutes = st.integers(0, 3_000).map(lambda value: timedelta(minutes=value))
lags = st.integers(0, 300).map(lambda value: timedelta(seconds=value))


@given(
    events=st.lists(minutes, min_size=1, max_size=30),
    settle=st.integers(0, 60).map(lambda value: timedelta(minutes=value)),
    cool_down=st.integers(6, 1_500).map(lambda value: timedelta(minutes=value)),
    deletion_lag=lags,
    listing_lag=lags,
)
def test_every_event_is_followed_by_a_start_and_starts_keep_their_distance(
    events: list[timedelta],
    settle: timedelta,
    cool_down: timedelta,
    deletion_lag: timedelta,
    listing_lag: timedelta,
) -> None:
    """Whatever comes, how often, and however late AWS deletes and lists (within the shortest cool-down)."""
    scheduler = SimulatedScheduler(deletion_lag, listing_lag)

    for moment in sorted(MONDAY + event for event in events):
        scheduler.advance(moment)
        last = scheduler.last_listed()
        plan(scheduler, REQUEST, settled=moment + settle, last=last, cool_down=cool_down, now=moment)
    scheduler.advance(MONDAY + timedelta(days=30))

    starts = scheduler.starts
    assert all(later - earlier >= cool_down for earlier, later in pairwise(starts))
    for event in events:
        following = next(start for start in starts if start > MONDAY + event)
        assert following <= MONDAY + event + max(settle, cool_down) + settle + SECOND * 2


def test_an_event_before_a_planned_start_plans_no_other() -> None:
    scheduler = SimulatedScheduler(timedelta(), timedelta())
    hour, day = timedelta(hours=1), timedelta(days=1)

    first = plan(scheduler, REQUEST, settled=MONDAY + hour, last=NEVER, cool_down=day, now=MONDAY)
    second = plan(scheduler, REQUEST, settled=MONDAY + hour * 1.5, last=NEVER, cool_down=day, now=MONDAY + hour / 2)

    assert first == second == MONDAY + hour + SECOND
