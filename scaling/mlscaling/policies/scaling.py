"""Everything that scales an endpoint, as one object, and what it has to keep. Pure; constructs render it and `replay` plays it.

`reactive` has the parts that answer to what happens, `planned` those that know it before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mlscaling.policies.planned import Event, ForecastFloor, TimesUsual
from mlscaling.policies.problems import bad_limits, no_tuple_of, raise_if_any
from mlscaling.policies.reactive import WAKE_FROM_BACKLOG, Signal, StepScaleIn, StepScaling, TargetTracking


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Everything that scales one variant. Where several parts want capacity, the largest counts; `target` and `scale_in` scale in.

    "If multiple scaling policies are in force, Application Auto Scaling scales based on the policy that provides the largest
    capacity" (user guide, "How target tracking scaling works"). `floor` and `calendar` raise the minimum, never the maximum.

    Lists of steps and of events are kept as tuples. Raises `InvalidScalingError` with everything that is wrong.
    """

    maximum: int
    minimum: int = 1
    target: TargetTracking | None = None
    steps: tuple[StepScaling, ...] = ()
    scale_in: StepScaleIn | None = None
    floor: ForecastFloor | None = None
    calendar: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        unlike = [*no_tuple_of(StepScaling, self, "steps"), *no_tuple_of(Event, self, "calendar")]
        raise_if_any(unlike, self._problems())

    def _problems(self) -> Iterator[str]:
        limits = bad_limits(self.minimum, self.maximum)
        yield from limits
        for event in self.calendar:
            if not limits and event.capacity > self.maximum:
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
        if self.minimum == 0 and self.target is not None and self.target.signal is Signal.INVOCATIONS:
            yield (
                "the minimum is 0, and a target of INVOCATIONS does not go there: without a request SageMaker publishes none (developer "
                'guide, "Edit a scaling policy"); use TargetTracking(target=2, signal=Signal.CONCURRENT_REQUESTS) or the like'
            )

    @property
    def signals(self) -> tuple[Signal, ...]:
        """All that it watches."""
        tracked = () if self.target is None else (self.target.signal,)
        idle = () if self.scale_in is None else (self.scale_in.signal,)
        return (*tracked, *(one.signal for one in self.steps), *idle)

    @property
    def forecast(self) -> tuple[ForecastFloor | TimesUsual, ...]:
        """All for which somebody has to forecast the demand."""
        floor = () if self.floor is None else (self.floor,)
        return (*floor, *(demand for _, demand in self.announced))

    @property
    def announced(self) -> tuple[tuple[Event, TimesUsual], ...]:
        """Its events with a demand, which is worked out until they begin, and so can be tried before they come."""
        return tuple((event, event.demand) for event in self.calendar if event.demand is not None)

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


def by_use(*, minimum: int = 1, maximum: int, target: float, calendar: tuple[Event, ...] = ()) -> Scaling:
    """What scales the warm containers of a serverless endpoint: keeps a share of them at work. Raises `InvalidScalingError`."""
    tracking = TargetTracking(target=target, signal=Signal.PROVISIONED_CONCURRENCY)
    return Scaling(minimum=minimum, maximum=maximum, target=tracking, calendar=calendar)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a policy has to keep. A request is served if it is not rejected and waits no longer than `Fleet.longest_wait_seconds`.

    With `no_dearer_than`, a policy that sets the budget, the fewest violations within it are wanted, down to what `served_share`
    allows. In each announced event, `served_share_in_events` of its requests has to be served, too.
    """

    served_share: float = 0.999
    served_share_in_events: float = 0.99
    no_dearer_than: Scaling | None = None
