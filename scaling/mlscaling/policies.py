"""What scales an endpoint: target tracking, steps, a forecast, a calendar, limits. Pure; constructs render it and `replay` plays it.

Sources: Application Auto Scaling user guide, "How target tracking scaling works", "How step scaling works", "Scheduled scaling";
API reference, `StepScalingPolicyConfiguration`; Amazon SageMaker AI developer guide, "Automatic scaling of Amazon SageMaker AI
models", "Scale an endpoint to zero instances", "Amazon SageMaker AI enhanced metrics for inference endpoints".
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DEFAULT_COOLDOWN_SECONDS = 300  # Of SageMaker endpoint variants: user guide, "Define cooldown periods".
_DAY_MINUTES = 1440
MOST_STEPS = 20  # In one policy: user guide, "Quotas for Application Auto Scaling".


class InvalidScalingError(ValueError):
    """A policy that cannot be; the message lists every problem."""


def _not_positive(name: str, value: float) -> Iterator[str]:
    if not (value > 0 and math.isfinite(value)):
        yield f"{name} is {value}; use more than 0"


def _negative_cooldowns(values: dict[str, object]) -> Iterator[str]:
    for name, value in values.items():
        if name.endswith("cooldown_seconds") and isinstance(value, int) and value < 0:
            yield f"{name} is {value}; use 0 or more"


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _raise_if_any(*problems: Iterator[str]) -> None:
    found = [problem for source in problems for problem in source]
    if found:
        raise InvalidScalingError("; ".join(found))


class Signal(enum.Enum):
    """What a policy watches; the value is the name that AWS has for it.

    - `INVOCATIONS`: requests sent to an instance in service in a minute, rejected ones too.
    - `CONCURRENT_REQUESTS`: requests in flight or waiting at an instance, every 10 seconds. It cannot grow past what an instance
      lets wait, so that it does not say by how much an overloaded endpoint is too small.
    - `FAST_INVOCATIONS`: `INVOCATIONS` every 10 seconds, which needs `MetricsConfig` with `EnableEnhancedMetrics` and
      `MetricPublishFrequencyInSeconds` 10. An alarm of your own may watch it, a target tracking policy may not.
    - `PROVISIONED_CONCURRENCY`: the share of the warm containers of a serverless endpoint that are at work, 0 to 1, every minute.
    - `NO_CAPACITY`: requests that failed since there was no instance, every 30 seconds.
    - `BACKLOG_PER_INSTANCE`: requests of an asynchronous endpoint that wait or are at work, over its instances, every minute.
    - `BACKLOG_WITHOUT_CAPACITY`: 1 while requests of an asynchronous endpoint wait and there is no instance, else 0, every minute.
    """

    INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
    CONCURRENT_REQUESTS = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    FAST_INVOCATIONS = "InvocationsPerInstance"
    PROVISIONED_CONCURRENCY = "SageMakerVariantProvisionedConcurrencyUtilization"
    NO_CAPACITY = "NoCapacityInvocationFailures"
    BACKLOG_PER_INSTANCE = "ApproximateBacklogSizePerInstance"
    BACKLOG_WITHOUT_CAPACITY = "HasBacklogWithoutCapacity"

    @property
    def period_seconds(self) -> int:
        """How often there is a value."""
        of_ten_seconds = (Signal.CONCURRENT_REQUESTS, Signal.FAST_INVOCATIONS)
        return 10 if self in of_ten_seconds else 30 if self is Signal.NO_CAPACITY else 60

    @property
    def is_of_backlog(self) -> bool:
        """Only asynchronous endpoints have it."""
        return self in (Signal.BACKLOG_PER_INSTANCE, Signal.BACKLOG_WITHOUT_CAPACITY)


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """Keeps a signal near `target`: out after 3 values above it, in after 15 minutes of values below 0.9 of it.

    These numbers cannot be set: Application Auto Scaling owns the alarms. Raises `InvalidScalingError`.
    """

    target: float
    signal: Signal = Signal.INVOCATIONS
    scale_out_cooldown_seconds: int = DEFAULT_COOLDOWN_SECONDS
    scale_in_cooldown_seconds: int = DEFAULT_COOLDOWN_SECONDS
    scale_in: bool = True

    def __post_init__(self) -> None:
        _raise_if_any(_not_positive("target", self.target), _negative_cooldowns(vars(self)), self._unknown_signal())

    def _unknown_signal(self) -> Iterator[str]:
        if self.signal in (Signal.FAST_INVOCATIONS, Signal.NO_CAPACITY, Signal.BACKLOG_WITHOUT_CAPACITY):
            yield (
                f"target tracking cannot follow {self.signal.value}; use INVOCATIONS or CONCURRENT_REQUESTS, for a serverless "
                "endpoint PROVISIONED_CONCURRENCY, for an asynchronous one BACKLOG_PER_INSTANCE"
            )


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to add while the signal is at or over `at_least`, up to the next step: percent of the capacity, or instances."""

    at_least: float
    add: float


@dataclass(frozen=True, kw_only=True)
class StepScaling:
    """Scales out by the size of the breach, after `datapoints` values at or over the first step. It never scales in.

    `percent` says whether steps add percent of the capacity (at least one instance) or instances. During the cooldown a larger
    step adds what it is larger by. Raises `InvalidScalingError`.
    """

    steps: tuple[Step, ...]
    signal: Signal = Signal.FAST_INVOCATIONS
    percent: bool = True
    datapoints: int = 1
    cooldown_seconds: int = DEFAULT_COOLDOWN_SECONDS

    def __post_init__(self) -> None:
        _raise_if_any(self._problems(), _negative_cooldowns(vars(self)))

    def _problems(self) -> Iterator[str]:
        if not 0 < len(self.steps) <= MOST_STEPS:
            yield f"a step scaling policy has {len(self.steps)} steps; give 1 to {MOST_STEPS}, such as Step(at_least=8, add=100)"
        bounds = [step.at_least for step in self.steps]
        if bounds != sorted(set(bounds)):
            yield f"steps begin at {bounds}; give each a bound of its own, the lowest first"
        for step in self.steps:
            yield from _not_positive("at_least", step.at_least)
            yield from _not_positive("add", step.add)
            if step.add % 1:
                yield f"add is {step.add}; use a whole number of percent or instances"
        if self.datapoints < 1:
            yield f"datapoints is {self.datapoints}; use 1 or more"


@dataclass(frozen=True, kw_only=True)
class StepIn:
    """What percent of the capacity to remove while the signal is at or under `at_most`, down to the next lower step."""

    at_most: float
    remove_percent: int

    @property
    def leaves(self) -> float:
        """The signal that the remaining instances see then, at most."""
        return self.at_most * 100 / (100 - self.remove_percent)


@dataclass(frozen=True, kw_only=True)
class StepScaleIn:
    """Scales in by how idle the instances are, after `datapoints` values at or under the first step, which is the highest.

    When to use: target tracking waits for 15 minutes and cannot be told otherwise. This does not wait for it: "if the step scaling
    policy initiates a scale-in activity before the target tracking policy is ready to scale in, the scale-in activity will not be
    blocked" (API reference, `PutScalingPolicy`). A signal without data moves nothing. Raises `InvalidScalingError`.
    """

    steps: tuple[StepIn, ...]
    signal: Signal = Signal.INVOCATIONS
    datapoints: int = 3
    cooldown_seconds: int = 60

    def __post_init__(self) -> None:
        _raise_if_any(self._problems(), _negative_cooldowns(vars(self)))

    def _problems(self) -> Iterator[str]:
        if not 0 < len(self.steps) <= MOST_STEPS:
            example = "StepIn(at_most=150, remove_percent=50)"
            yield f"a policy that scales in has {len(self.steps)} steps; give 1 to {MOST_STEPS}, such as {example}"
        bounds = [step.at_most for step in self.steps]
        if bounds != sorted(set(bounds), reverse=True):
            yield f"steps that scale in begin at {bounds}; give each a bound of its own, the highest first"
        for step in self.steps:
            yield from _not_positive("at_most", step.at_most)
            if not 0 < step.remove_percent < 100:
                yield f"remove_percent is {step.remove_percent}; use 1 to 99"
        if self.signal not in (Signal.INVOCATIONS, Signal.FAST_INVOCATIONS):
            yield f"a policy that scales in watches {self.signal.name}; use INVOCATIONS or FAST_INVOCATIONS"
        if self.datapoints < 1:
            yield f"datapoints is {self.datapoints}; use 1 or more"


WAKE_FROM_ZERO = StepScaling(
    signal=Signal.NO_CAPACITY, percent=False, steps=(Step(at_least=1, add=1),), cooldown_seconds=60
)
"""One instance as soon as a request failed for lack of any: developer guide, "Scale an endpoint to zero instances"."""

WAKE_FROM_BACKLOG = StepScaling(
    signal=Signal.BACKLOG_WITHOUT_CAPACITY, percent=False, steps=(Step(at_least=1, add=1),), datapoints=2
)
"""One instance for requests that have waited for two minutes without any: developer guide, "Autoscale an asynchronous endpoint"."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Demand that somebody announced: at least `capacity` instances for it, asked for `lead_minutes` before.

    When not given, it lasts an hour, and the lead is 15 minutes: the longest provisioning known, 9 minutes, and some for a spot
    that comes early. `at` has an offset or a time zone. Raises `InvalidScalingError`.
    """

    name: str
    at: datetime
    capacity: int
    minutes: float = 60
    lead_minutes: float = 15

    def __post_init__(self) -> None:
        positive = _not_positive(f"capacity of event '{self.name}'", self.capacity)
        _raise_if_any(positive, self._too_short(), self._without_offset())

    def _too_short(self) -> Iterator[str]:
        if not 1 <= self.minutes < math.inf:
            yield f"minutes of event '{self.name}' is {self.minutes}; use 1 or more"
        if not 0 <= self.lead_minutes < math.inf:
            yield f"lead_minutes of event '{self.name}' is {self.lead_minutes}; use 0 or more"

    def _without_offset(self) -> Iterator[str]:
        if self.at.tzinfo is None:
            yield f"event '{self.name}' is at {self.at.isoformat()}; give a time with its zone, such as {self.at.isoformat()}+00:00"

    @property
    def begins(self) -> datetime:
        """When its capacity is asked for: a whole minute of UTC, in which no hour is skipped or there twice."""
        return _minute_of(self.at.astimezone(UTC) - timedelta(minutes=self.lead_minutes))

    @property
    def ends(self) -> datetime:
        """When its floor expires: a whole minute of UTC."""
        return _minute_of(self.at.astimezone(UTC) + timedelta(minutes=self.minutes))


class Season(enum.Enum):
    """Which days a forecast looks at: the last ones, or those with the same weekday."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, kw_only=True)
class PublishedForecast:
    """The demand that a batch inference of the project forecasts: see `mlscaling.published`.

    Attributes:
        pipeline: its name, `<project>-<construct id in kebab case>`. It needs `Scoring(json_lines=True)`.
        interval_minutes: what one row is for, 1 or more; the times of two rows are that far apart or farther.
        time: the column of the time at which the interval begins, in UTC if it has no offset.
        requests: the column of the requests expected in the interval.
        oldest_hours: since it was published; one that is older is not used.

    Raises `InvalidScalingError`.
    """

    pipeline: str
    interval_minutes: float
    time: str = "time"
    requests: str = "requests"
    oldest_hours: float = 26

    def __post_init__(self) -> None:
        _raise_if_any(_not_positive("oldest_hours", self.oldest_hours), self._problems())

    def _problems(self) -> Iterator[str]:
        if not 1 <= self.interval_minutes <= _DAY_MINUTES:
            yield f"interval_minutes is {self.interval_minutes}; use 1 to {_DAY_MINUTES}"
        for name in ("pipeline", "time", "requests"):
            if not getattr(self, name):
                yield f"{name} is empty; give the name of the {'pipeline' if name == 'pipeline' else 'column'}"


@dataclass(frozen=True, kw_only=True)
class ForecastFloor:
    """A minimum that follows the forecast of the demand: see `mlscaling.forecast`.

    Attributes:
        requests_per_second: that one instance of the floor is for, its knee times the utilisation wanted.
        quantile: of what was seen at that time of day; 0.5 is the usual demand, 1 the highest.
        season, periods: the last `periods` days, or as many weeks.
        around_minutes: what counts as the same time of day, before and after; 720 is the whole day.
        recent_hours: the hours before the forecast that are looked at, too, and count as much as those days.
        lead_minutes: how much earlier the floor rises than the forecast: the provisioning and what it may be late.
        published: a forecast that counts in the place of the quantile, for the times that it has rows for, higher or lower. The
            quantile holds for all others, and an alarm tells of them. The quantile alone when not given.

    Raises `InvalidScalingError`.
    """

    requests_per_second: float
    quantile: float
    season: Season = Season.DAY
    periods: int = 7
    around_minutes: float = 15
    recent_hours: float = 0
    lead_minutes: float = 10
    published: PublishedForecast | None = None

    @property
    def days_seen(self) -> int:
        """How many of the last days the forecast looks at, at most."""
        days = self.periods * (7 if self.season is Season.WEEK else 1)
        return days + math.ceil(self.around_minutes / 1440)

    def __post_init__(self) -> None:
        values = (("requests_per_second", self.requests_per_second), ("periods", self.periods))
        _raise_if_any(*(_not_positive(name, value) for name, value in values), self._bad_quantile(), self._negative())

    def _negative(self) -> Iterator[str]:
        for name in ("around_minutes", "recent_hours", "lead_minutes"):
            if not 0 <= getattr(self, name) < math.inf:
                yield f"{name} is {getattr(self, name)}; use 0 or more"

    def _bad_quantile(self) -> Iterator[str]:
        if not 0 <= self.quantile <= 1:
            yield f"quantile is {self.quantile}; use 0 to 1"


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Everything that scales one variant. Where several parts want capacity, the largest counts; `target` and `scale_in` scale in.

    "If multiple scaling policies are in force, Application Auto Scaling scales based on the policy that provides the largest
    capacity" (user guide, "How target tracking scaling works"). `floor` and `calendar` raise the minimum, never the maximum.

    Raises `InvalidScalingError` with everything that is wrong.
    """

    maximum: int
    minimum: int = 1
    target: TargetTracking | None = None
    steps: tuple[StepScaling, ...] = ()
    scale_in: StepScaleIn | None = None
    floor: ForecastFloor | None = None
    calendar: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        _raise_if_any(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.minimum < 0 or self.maximum < max(self.minimum, 1):
            yield f"capacity is {self.minimum} to {self.maximum}; use 0 or more, and a maximum that is not below the minimum"
        for event in self.calendar:
            if event.capacity > self.maximum:
                yield f"event '{event.name}' has {event.capacity} instances; use 1 to the maximum, {self.maximum}"
        watched = [one.signal.name for one in self.steps]
        if len(set(watched)) < len(watched):
            yield f"the steps watch {', '.join(watched)}; let each policy watch a signal of its own"
        yield from self._takes_turns()
        if self.minimum == 0 and not {Signal.NO_CAPACITY, Signal.BACKLOG_WITHOUT_CAPACITY}.intersection(self.signals):
            yield (
                "the minimum is 0, and nothing scales from there; add WAKE_FROM_ZERO to the steps, for an asynchronous endpoint "
                "WAKE_FROM_BACKLOG"
            )

    @property
    def signals(self) -> tuple[Signal, ...]:
        """All that it watches."""
        tracked = () if self.target is None else (self.target.signal,)
        idle = () if self.scale_in is None else (self.scale_in.signal,)
        return (*tracked, *(one.signal for one in self.steps), *idle)

    @property
    def is_asynchronous(self) -> bool:
        """Whether it scales by the backlog that an asynchronous endpoint has."""
        return any(signal.is_of_backlog for signal in self.signals)

    def _takes_turns(self) -> Iterator[str]:
        """What scales in must not leave more than what is scaled out from."""
        if self.scale_in is None:
            return
        targets = [] if self.target is None else [(self.target.signal, self.target.target)]
        limits = [*targets, *((one.signal, one.steps[0].at_least) for one in self.steps)]
        for step in self.scale_in.steps:
            limit = min((limit for signal, limit in limits if signal is self.scale_in.signal), default=math.inf)
            if step.leaves > limit:
                yield (
                    f"removing {step.remove_percent}% at {step.at_most:g} leaves the others {step.leaves:.4g} of "
                    f"{self.scale_in.signal.name}, and from {limit:g} on it is scaled out; remove less, or at a lower value"
                )

    def calendar_changes(self) -> list[tuple[datetime, int]]:
        """When the calendar changes the minimum, and to what; where events overlap, the largest counts."""
        moments = sorted({moment for event in self.calendar for moment in (event.begins, event.ends)})
        minimums = [self.minimum_of_calendar(moment) for moment in moments]
        before = [self.minimum, *minimums]
        return [(moment, one) for moment, one, last in zip(moments, minimums, before, strict=False) if one != last]

    def minimum_of_calendar(self, moment: datetime) -> int:
        """The minimum at a time, without a forecast."""
        return max([self.minimum, *(event.capacity for event in self.calendar if event.begins <= moment < event.ends)])


def by_backlog(*, minimum: int = 0, maximum: int, backlog_per_instance: float) -> Scaling:
    """What scales an asynchronous endpoint: a target for its backlog, and the first instance for requests that wait without any.

    `AsyncEndpoint` renders it. Raises `InvalidScalingError`.
    """
    return Scaling(
        minimum=minimum,
        maximum=maximum,
        target=TargetTracking(target=backlog_per_instance, signal=Signal.BACKLOG_PER_INSTANCE),
        steps=(WAKE_FROM_BACKLOG,),
    )


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a policy has to keep. A request is served if it is not rejected and waits no longer than `Fleet.longest_wait_seconds`.

    With `no_dearer_than`, a policy that sets the budget, the fewest violations within it are wanted, down to what `served_share`
    allows.
    """

    served_share: float = 0.999
    no_dearer_than: Scaling | None = None
