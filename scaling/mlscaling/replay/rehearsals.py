"""Announced events, rehearsed: as if each had been on every one of the last days at its time, with what was known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mlscaling.forecasts.floors import instances_for
from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import RUN_IN_MINUTES, Case
from mlscaling.replay.demand import Demand
from mlscaling.replay.fleet import Fleet
from mlscaling.replay.outcome import replay

QUANTILES = (0.95, 0.98, 1.0)
"""Tried beside an event's own one, if they are higher, so that somebody can see what they would bring and cost."""
RISES_IN_SECONDS = 30
"""As fast as the fastest spikes that are made up: people act at once on what they see."""
AFTER_MINUTES = 30
"""Played after an event, for what it costs until its instances have gone."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)  # Arrays have no equality of their own.
class Size:
    """What became of an event at one quantile, in each rehearsal: violations, instance hours, and how many instances were asked for."""

    demand: TimesUsual
    violations: Floats
    instance_hours: Floats
    instances: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rehearsal:
    """An event of so many times the usual, on each of some days.

    Attributes:
        times: when it was rehearsed.
        requests: in each of these.
        sizes: at its own quantile, then at larger ones.
        maximum: of the policy.
        requests_per_second: that an instance serves.
    """

    event: Event
    times: tuple[datetime, ...]
    requests: Floats
    sizes: tuple[Size, ...]
    maximum: int
    requests_per_second: float

    @property
    def instances(self) -> int:
        """That it asks for, at most."""
        return int(self.sizes[0].instances.max())

    @property
    def violation_share(self) -> float:
        """Of the requests in the event."""
        return self._share(self.sizes[0])

    def _share(self, size: Size) -> float:
        return float(size.violations.sum() / max(self.requests.sum(), 1.0))

    def sentence(self, served_share: float) -> str:
        """What became of it, and what a larger quantile would do: the least that serves that share, or else the next one."""
        own = self.sizes[0]
        shares = own.violations / np.maximum(self.requests, 1.0)
        worst = int(shares.argmax())
        called = f"'{self.event.name}', {own.demand.times:g} times the usual at the {own.demand.quantile:g} quantile"
        days = f"had it been at {self.event.at:%H:%M %Z} on each of {len(self.times)} days"
        lost = (
            f"{self.violation_share:.3%} of its requests wait too long or are rejected, and {1 - served_share:.3%} may"
        )
        parts = [f"{called}, {days}: {lost}", f"{shares[worst]:.1%} on {self.times[worst]:%Y-%m-%d}"]
        parts.append(f"it asks for up to {self.instances} instances")
        larger = self._enough(served_share) or self.sizes[1:]
        return "; ".join(parts + [self._beside(size) for size in larger[:1]])

    def _beside(self, size: Size) -> str:
        hours = (size.instance_hours - self.sizes[0].instance_hours).mean()
        return f"at the {size.demand.quantile:g} quantile, {self._share(size):.3%} at {hours:+.1f} instance hours each time"

    def _enough(self, served_share: float) -> tuple[Size, ...]:
        return tuple(size for size in self.sizes[1:] if self._share(size) <= 1 - served_share)

    def advice(self, served_share: float) -> str:
        """What to change for that share to be served."""
        earlier = f"ask for it earlier than {self.event.lead_minutes:g} minutes before"
        return f"for '{self.event.name}': {', or '.join(self._changes(served_share)) or earlier}"

    def _changes(self, served_share: float) -> Iterator[str]:
        demand = self.sizes[0].demand
        if self.instances > self.maximum:
            yield f"raise the maximum from {self.maximum} to {self.instances}"
        if demand.requests_per_second > self.requests_per_second:
            serves = f"{self.requests_per_second:g}, which is what an instance serves"
            yield f"lower requests_per_second of its demand from {demand.requests_per_second:g} to less than {serves}"
        for size in self._enough(served_share)[:1]:
            yield f"take the {size.demand.quantile:g} quantile"


def missed(rehearsals: Sequence[Rehearsal], objective: Objective) -> tuple[Rehearsal, ...]:
    """Those in which too few requests were served."""
    return tuple(one for one in rehearsals if one.violation_share > 1 - objective.served_share_in_events)


def coming(policy: Scaling, case: Case) -> tuple[Event, ...]:
    """The events after the days of a case. What was before their end, those days show themselves."""
    return tuple(event for event in policy.calendar if event.at >= case.ends)


def rehearse_coming(policy: Scaling, case: Case, fleet: Fleet) -> tuple[Rehearsal, ...]:
    """All events to come that have a demand, and for which one of the days has room."""
    found = (rehearse(policy, event, case, fleet) for event in coming(policy, case))
    return tuple(one for one in found if one is not None)


def rehearse(policy: Scaling, event: Event, case: Case, fleet: Fleet) -> Rehearsal | None:
    """Play an event of the calendar on each day of a case; None if it has no demand, or no day has room for it.

    When to use: to see what it takes before it comes. What comes on each day is multiplied from the event's time of day on, in its own
    time zone, for as long as the event lasts. Each day begins anew, an hour before the event is asked for; what the calendar has
    at the time of the event is there, too. Days on which an event with a demand was on at that time are left out.
    """
    demand, times = event.demand, tuple(_times(policy, event, case))
    if demand is None or not times:
        return None
    demands = [demand, *(replace(demand, quantile=quantile) for quantile in QUANTILES if quantile > demand.quantile)]
    days = [_play(policy, event, demands, at, case, fleet) for at in times]
    return Rehearsal(
        event=event,
        times=times,
        requests=np.array([day.requests for day in days]),
        sizes=tuple(
            Size(
                demand=one,
                violations=np.array([day.violations[lane] for day in days]),
                instance_hours=np.array([day.instance_hours[lane] for day in days]),
                instances=np.array([day.instances[lane] for day in days]),
            )
            for lane, one in enumerate(demands)
        ),
        maximum=policy.maximum,
        requests_per_second=fleet.requests_per_second,
    )


def _times(policy: Scaling, event: Event, case: Case) -> Iterator[datetime]:
    """The event's time of day on each day that was played, if all of it is known and nothing of the kind was on."""
    first_day = case.first.astimezone(event.at.tzinfo).date()
    others = [other for other, _ in policy.announced if other != event]
    for offset in range(case.days + 1):
        day = first_day + timedelta(days=offset)
        at = event.at.replace(year=day.year, month=day.month, day=day.day, second=0, microsecond=0)
        moved = replace(event, at=at)
        is_known = case.first <= at and case.demand.start <= _begins(moved) and moved.ends <= case.ends
        if is_known and not any(_overlap(moved, other) for other in others):
            yield at


@dataclass(frozen=True, kw_only=True)
class _Day:
    """One rehearsal: arrays have a place for each size."""

    requests: float
    violations: Floats
    instance_hours: Floats
    instances: Sequence[int]


def _play(policy: Scaling, event: Event, demands: Sequence[TimesUsual], at: datetime, case: Case, fleet: Fleet) -> _Day:
    later = event.at.astimezone(UTC) - at.astimezone(UTC)
    beside = [
        replace(other, at=other.at.astimezone(UTC) - later)
        for other in policy.calendar
        if other != event and _overlap(other, event)
    ]
    sizes = [replace(event, at=at, demand=demand) for demand in demands]
    lanes = [replace(policy, calendar=(*policy.calendar, *beside, size)) for size in sizes]
    first = _begins(sizes[0])
    spiked = _spiked(case, event=sizes[0], times=demands[0].times, first=first)
    minutes = spiked.seconds // 60
    outcome = replay(
        lanes,
        fleet,
        spiked.arrivals(np.random.default_rng([case.seed, at.toordinal()])),
        minimums=np.array([case.minimums_from(lane, first, minutes) for lane in lanes]).T,
        seed=case.seed,
    )
    begin = int((at - first).total_seconds()) // 60
    inside = slice(begin, begin + max(1, int(event.minutes)))
    known = case.history.without(lanes[0].calendar)
    return _Day(
        requests=float(outcome.requests_by_minute[inside].sum()),
        violations=outcome.violations_by_minute[inside].sum(axis=0),
        instance_hours=outcome.instance_hours,
        instances=[instances_for(size, known) for size in sizes],
    )


def _begins(event: Event) -> datetime:
    """When its rehearsal does."""
    return event.begins - timedelta(minutes=RUN_IN_MINUTES)


def _overlap(one: Event, other: Event) -> bool:
    return one.begins < other.ends and other.begins < one.ends


def _spiked(case: Case, *, event: Event, times: float, first: datetime) -> Demand:
    """From `first` on: the demand of that day, and that of the event. Up at once, as high all the time, and down at once."""
    begin, at, ends = (
        round((moment - case.demand.start).total_seconds())
        for moment in (first, event.at, event.ends + timedelta(minutes=AFTER_MINUTES))
    )
    return case.demand.between(begin, ends).with_spike(
        at_second=at - begin,
        factor=times,
        rise_seconds=RISES_IN_SECONDS,
        hold_seconds=round(event.minutes * 60) - 2 * RISES_IN_SECONDS,
        fall_seconds=RISES_IN_SECONDS,
    )
