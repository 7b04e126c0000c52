"""Announced events, rehearsed: as if each had been on every one of the last days at its time, with what was known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mlscaling.forecasts.floors import instances_for
from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.cases import RUN_IN_MINUTES, Case, Spike, safe_mean
from mlscaling.replay.fleet import Fleet

RISES_IN_SECONDS = 30
"""As fast as the fastest spikes that are made up: people act at once on what they see."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)  # Arrays have no equality of their own.
class Rehearsal:
    """What became of an event of so many times the usual on each of some days; arrays have a place for each of its `times`."""

    event: Event
    demand: TimesUsual
    """The event's, or one with another quantile."""
    times: tuple[datetime, ...]
    requests: Floats
    violations: Floats
    instance_hours: float
    """Of all days that were played, so that two sizes of an event can be compared."""
    instances: int
    """That it asked for, at most."""
    maximum: int

    @property
    def violation_share(self) -> float:
        """Of the requests in the event."""
        return float(self.violations.sum() / max(self.requests.sum(), 1.0))

    @property
    def safe_violation_share(self) -> float:
        """Of the requests in the event, and a standard error of what days differ by."""
        return safe_mean(self.violations / np.maximum(self.requests, 1.0), 1.0)

    def sentence(self, served_share: float) -> str:
        """What became of it, and what may, if that share of its requests has to be served."""
        shares = self.violations / np.maximum(self.requests, 1.0)
        worst = int(shares.argmax())
        called = f"'{self.event.name}', {self.demand.times:g} times the usual at the {self.demand.quantile:g} quantile"
        days = f"had it been at {self.event.at:%H:%M %Z} on each of {len(self.times)} days"
        said = (
            f"{self.violation_share:.3%} of its requests wait too long or are rejected, and {1 - served_share:.3%} may"
        )
        worst_day = f"{shares[worst]:.1%} on {self.times[worst]:%Y-%m-%d}"
        capped = f", and the maximum is {self.maximum}" if self.instances > self.maximum else ""
        return f"{called}, {days}: {said}; {worst_day}; it asks for up to {self.instances} instances{capped}"


def coming(policy: Scaling, case: Case) -> list[tuple[Event, TimesUsual]]:
    """The events to rehearse: those with a demand, which come after the days of a case. What was before them, they show themselves."""
    return [(event, demand) for event, demand in policy.announced if event.at >= case.ends]


def rehearse(policy: Scaling, event: Event, sizes: Sequence[TimesUsual], case: Case, fleet: Fleet) -> list[Rehearsal]:
    """Play an event of the calendar in several sizes, which differ in their quantiles.

    When to use: to see what an event takes before it comes. The demand of each played day is multiplied from the event's time of day on, in
    its own time zone, for as long as the event lasts; days on which an event of the calendar was on are left out.

    Raises `InvalidScalingError` if there is no day for it.
    """
    times = tuple(_times(event, policy.calendar, case))
    if not times:
        problem = f"event '{event.name}' cannot be rehearsed: none of the {case.days} days played has room for it"
        raise InvalidScalingError(f"{problem}; play more days")
    known = case.history.without(policy.calendar)
    spikes = tuple(_spike(event, sizes[0].times, at, case) for at in times)
    placed = [[replace(event, at=at, demand=size) for at in times] for size in sizes]
    asked = [[instances_for(one, known) for one in events] for events in placed]
    minimums = np.repeat(case.minimums([policy]), len(sizes), axis=1)
    for lane, (events, counts) in enumerate(zip(placed, asked, strict=True)):
        for one, count in zip(events, counts, strict=True):
            on = slice(*(max(0, _minute(case, moment)) for moment in (one.begins, one.ends)))
            minimums[on, lane] = np.maximum(minimums[on, lane], min(count, policy.maximum))
    played = replace(case, spikes=(*case.spikes, *spikes))
    outcome = played.outcome([policy] * len(sizes), fleet, minimums)
    inside = [slice(spike.at_second // 60, (spike.at_second + spike.seconds) // 60) for spike in spikes]
    requests = np.array([outcome.requests_by_minute[minutes].sum() for minutes in inside])
    violations = np.array([outcome.violations_by_minute[minutes].sum(axis=0) for minutes in inside])
    return [
        Rehearsal(
            event=event,
            demand=size,
            times=times,
            requests=requests,
            violations=violations[:, lane],
            instance_hours=float(outcome.instance_hours[lane]),
            instances=max(asked[lane]),
            maximum=policy.maximum,
        )
        for lane, size in enumerate(sizes)
    ]


def _minute(case: Case, moment: datetime) -> int:
    """Of those that a replay plays, the hour before the first day included."""
    return int((moment - case.first).total_seconds() // 60) + RUN_IN_MINUTES


def _times(event: Event, calendar: Sequence[Event], case: Case) -> Iterator[datetime]:
    """The event's time of day on each day that was played, if all of it was and nothing else was on."""
    first_day = case.first.astimezone(event.at.tzinfo).date()
    for offset in range(case.days + 1):
        day = first_day + timedelta(days=offset)
        moved = replace(event, at=event.at.replace(year=day.year, month=day.month, day=day.day))
        is_played = case.first <= moved.at and moved.ends <= case.ends
        if is_played and not any(moved.begins < other.ends and other.begins < moved.ends for other in calendar):
            yield moved.at


def _spike(event: Event, factor: float, at: datetime, case: Case) -> Spike:
    """Up at once, as high all the time, and down at once."""
    return Spike(
        at_second=round((at - case.first).total_seconds()),
        factor=factor,
        rise_seconds=RISES_IN_SECONDS,
        hold_seconds=round(event.minutes * 60) - 2 * RISES_IN_SECONDS,
        fall_seconds=RISES_IN_SECONDS,
    )
