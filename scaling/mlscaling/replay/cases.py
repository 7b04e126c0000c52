"""Days to play policies on, with what was known before each of them, and what it cost to be right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlscaling.forecasts.floors import minimums
from mlscaling.forecasts.published import Published, newest
from mlscaling.measurements.history import History, InvalidHistoryError
from mlscaling.policies.planned import Event, ForecastFloor
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.demand import DAY_SECONDS, Demand
from mlscaling.replay.fleet import Fleet
from mlscaling.replay.outcome import Outcome, replay

DAY_MINUTES = 1440
AT_ONCE = 128
MOST_DAYS = 63  # As long as CloudWatch keeps values of five minutes.
FEWEST_DAYS = 3  # One to look back at, and two to tell chance from rule.
PLAYED_DAYS = 14
RUN_IN_MINUTES = 60
"""Played before what is scored, so that no policy is judged by the capacity that a replay begins with."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Spike:
    """Demand times `factor` from a second on, counted from the first day: rising, holding and falling in straight lines."""

    at_second: int
    factor: float
    rise_seconds: int
    hold_seconds: int
    fall_seconds: int

    @classmethod
    def draw(
        cls, random: np.random.Generator, *, days: int, a_day: int = 1, factor: float | None = None
    ) -> tuple[Spike, ...]:
        """So many each day, at random times that do not overlap.

        When not given, factors are 3 to 10. They rise in 0.5 to 5 minutes, hold 10 to 40 and fall in 5 to 15.
        """
        slot = DAY_SECONDS // a_day
        return tuple(cls._draw(random, place * slot, slot, factor) for place in range(days * a_day))

    @classmethod
    def _draw(cls, random: np.random.Generator, begin: int, seconds: int, factor: float | None) -> Spike:
        lengths = random.uniform([30, 600, 300], [300, 2400, 900]).round().astype(int)
        rise, hold, fall = (int(length) for length in lengths)
        times = factor if factor is not None else float(np.exp(random.uniform(np.log(3), np.log(10))))
        at = begin + int(random.integers(0, seconds - rise - hold - fall))
        return cls(at_second=at, factor=times, rise_seconds=rise, hold_seconds=hold, fall_seconds=fall)

    @property
    def seconds(self) -> int:
        """How long it takes."""
        return self.rise_seconds + self.hold_seconds + self.fall_seconds


@dataclass(frozen=True, kw_only=True)
class Played:
    """A policy, and what became of it by day; `most_instances` were paid for at once."""

    policy: Scaling
    violations: Floats
    requests: Floats
    instance_hours: Floats
    most_instances: float

    @property
    def violation_share(self) -> float:
        """Of all requests."""
        return float(self.violations.sum() / max(self.requests.sum(), 1.0))

    @property
    def safe_violation_share(self) -> float:
        """Of the requests of a day, and a standard error."""
        return _safe_mean(self.violations / np.maximum(self.requests, 1.0), 1.0)

    def loses_more_than(self, other: Played) -> bool:
        """Whether more than chance, a standard error of what days differ by, makes it lose a larger share of requests."""
        return _safe_mean((self.violations - other.violations) / np.maximum(self.requests, 1.0), -1.0) > 0

    def safe_cost_share(self, other: Played) -> float:
        """Of the cost of another policy on the same days, and half a standard error."""
        return _safe_mean(self.instance_hours / other.instance_hours, 0.5)

    @property
    def hours_per_day(self) -> float:
        """Instance hours."""
        return float(self.instance_hours.mean())


def _safe_mean(values: Floats, errors: float) -> float:
    """So many standard errors above the mean, or below it: days differ, and those to come will, too."""
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean() + errors * error)


def played(policies: Sequence[Scaling], outcome: Outcome) -> list[Played]:
    """Outcomes by policy and day."""

    def by_day(values: Floats) -> Floats:
        days: Floats = values.reshape(-1, DAY_MINUTES, *values.shape[1:]).sum(axis=1)
        return days

    violations, hours = by_day(outcome.violations_by_minute), by_day(outcome.instances_by_minute) / 60
    requests = by_day(outcome.requests_by_minute)
    return [
        Played(
            policy=policy,
            violations=violations[:, lane],
            requests=requests,
            instance_hours=hours[:, lane],
            most_instances=float(outcome.instances_by_minute[:, lane].max()),
        )
        for lane, policy in enumerate(policies)
    ]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Whole days of a demand from `first` on, and all of it before them as the history. Each hour knows only what was before it.

    `first` is a midnight that has the hour before it in the demand. Nobody knew of its `spikes`. A policy with a published forecast is
    played with the newest of `forecasts` at each hour, and with its quantile where there is none.
    """

    demand: Demand
    first: datetime
    days: int
    spikes: tuple[Spike, ...] = ()
    seed: int = 0
    forecasts: tuple[Published, ...] = ()

    @classmethod
    def of_file(cls, path: Path, *, days: int = PLAYED_DAYS) -> Case:
        """The last whole days (UTC) of a CSV file of a time and a count; those before them are what a forecast knows.

        Raises `InvalidHistoryError` if it cannot be read as one, or has fewer than `FEWEST_DAYS`; `OSError` if not at all.
        """
        history = History.read_csv(path)
        recent = history.last(MOST_DAYS * DAY_SECONDS // history.interval_seconds + 1)
        demand = Demand.interpolated(recent, name=path.stem).last(MOST_DAYS)
        midnight = (demand.start + timedelta(seconds=demand.seconds)).replace(hour=0, minute=0, second=0, microsecond=0)
        known = int((midnight - demand.start).total_seconds() // DAY_SECONDS)
        if known < FEWEST_DAYS:
            fix = f"give {FEWEST_DAYS} or more: `mlp scaling history` reads up to {MOST_DAYS} from CloudWatch"
            raise InvalidHistoryError(f"{path} has {known} whole days (UTC); {fix}")
        played_days = min(days, known - 1)
        return cls(demand=demand, first=midnight - timedelta(days=played_days), days=played_days)

    @property
    def ends(self) -> datetime:
        """The midnight after its last day."""
        return self.first + timedelta(days=self.days)

    @cached_property
    def _whole(self) -> Demand:
        whole, begin = self.demand, self._second_of(self.first)
        for spike in self.spikes:
            whole = whole.with_spike(
                at_second=begin + spike.at_second,
                factor=spike.factor,
                rise_seconds=spike.rise_seconds,
                hold_seconds=spike.hold_seconds,
                fall_seconds=spike.fall_seconds,
            )
        return whole

    @cached_property
    def played(self) -> Demand:
        """The demand of the days, and of the hour before them."""
        begin = self._second_of(self.first)
        return self._whole.between(begin - RUN_IN_MINUTES * 60, begin + self.days * DAY_SECONDS)

    def _second_of(self, moment: datetime) -> int:
        return round((moment - self.demand.start).total_seconds())

    @cached_property
    def _arrivals(self) -> Floats:
        return self.played.arrivals(np.random.default_rng(self.seed))

    @cached_property
    def history(self) -> History:
        """All counts; whoever asks for a forecast says how far it was known."""
        return self._whole.counted()

    def outcome(self, policies: Sequence[Scaling], fleet: Fleet) -> Outcome:
        """What happens under each policy, by minute, without the hour before."""
        outcome = replay(policies, fleet, self._arrivals, minimums=self.minimums(policies), seed=self.seed)
        return outcome.after(RUN_IN_MINUTES)

    def play(self, policies: Sequence[Scaling], fleet: Fleet) -> list[Played]:
        """What becomes of each policy by day. Few at once, since what they do in each minute takes memory."""
        batches = [policies[place : place + AT_ONCE] for place in range(0, len(policies), AT_ONCE)]
        return [one for batch in batches for one in played(batch, self.outcome(batch, fleet))]

    def minimums(self, policies: Sequence[Scaling]) -> NDArray[np.int64]:
        """By minute and lane, asked for each hour with what is known then."""
        known: dict[tuple[ForecastFloor | None, tuple[Event, ...], int, int], list[int]] = {}
        lanes = []
        for policy in policies:
            key = (policy.floor, policy.calendar, policy.minimum, policy.maximum)
            if key not in known:
                known[key] = self._minimums(policy)
            lanes.append(known[key])
        return np.array(lanes, dtype=np.int64).T

    def _minimums(self, policy: Scaling) -> list[int]:
        first = self.first - timedelta(minutes=RUN_IN_MINUTES)
        return self.minimums_from(policy, first, RUN_IN_MINUTES + self.days * DAY_MINUTES)

    def minimums_from(self, policy: Scaling, first: datetime, minutes: int) -> list[int]:
        """In each minute from `first` on, asked for each hour with what is known then."""
        found: list[int] = []
        while len(found) < minutes:
            begin = first + timedelta(minutes=len(found))
            hour = min(60, minutes - len(found))
            found += minimums(policy, self.history, begin, hour, newest(self.forecasts, begin))
        return found

    def clairvoyant_hours(self, fleet: Fleet) -> Floats:
        """Instance hours of each day, if somebody knew all and instances came at once: as many as the expected rate needs."""
        rate = self.played.requests_per_second[RUN_IN_MINUTES * 60 :]
        hours: Floats = fleet.instances_for(rate).reshape(self.days, DAY_SECONDS).sum(axis=1) / 3600
        return hours
