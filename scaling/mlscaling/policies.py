"""What scales an endpoint: target tracking, step, scheduled actions, limits. Pure; constructs render it and `replay` plays it.

Sources: Application Auto Scaling user guide, "How target tracking scaling works", "How step scaling works", "Scheduled scaling";
API reference, `TargetTrackingScalingPolicyConfiguration`, `StepScalingPolicyConfiguration`; Amazon SageMaker AI developer guide,
"Automatic scaling of Amazon SageMaker AI models".
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass

DEFAULT_COOLDOWN_SECONDS = 300  # Of SageMaker endpoint variants: `TargetTrackingScalingPolicyConfiguration`.


class InvalidScalingError(ValueError):
    """A policy that cannot be; the message lists every problem."""


class Signal(enum.Enum):
    """What a policy watches, per instance in service; the value is the predefined metric of Application Auto Scaling.

    `INVOCATIONS` counts the requests that came in a minute, rejected ones too. `CONCURRENT_REQUESTS` are requests in flight or
    waiting at an instance, every 10 seconds.
    """

    INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
    CONCURRENT_REQUESTS = "SageMakerVariantConcurrentRequestsPerModelHighResolution"

    @property
    def period_seconds(self) -> int:
        """How often there is a value."""
        return 60 if self is Signal.INVOCATIONS else 10


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
        _raise_if_any(_not_positive("target", self.target), _negative_cooldowns(vars(self)))


@dataclass(frozen=True, kw_only=True)
class Step:
    """How much to add while the signal is at or over `at_least`, up to the next step: `add_percent` of the capacity."""

    at_least: float
    add_percent: float


@dataclass(frozen=True, kw_only=True)
class StepScaling:
    """Scales out by the size of the breach, after `datapoints` values at or over the first step. It never scales in.

    During the cooldown a larger step adds what it is larger by. Raises `InvalidScalingError`.
    """

    steps: tuple[Step, ...]
    signal: Signal = Signal.CONCURRENT_REQUESTS
    datapoints: int = 1
    cooldown_seconds: int = DEFAULT_COOLDOWN_SECONDS

    def __post_init__(self) -> None:
        _raise_if_any(self._problems(), _negative_cooldowns(vars(self)))

    def _problems(self) -> Iterator[str]:
        if not self.steps:
            yield "a step scaling policy has no steps; give at least one, such as Step(at_least=8, add_percent=100)"
        bounds = [step.at_least for step in self.steps]
        if bounds != sorted(set(bounds)):
            yield f"steps begin at {bounds}; give each a bound of its own, the lowest first"
        for step in self.steps:
            yield from _not_positive("at_least", step.at_least)
            yield from _not_positive("add_percent", step.add_percent)
        if self.datapoints < 1:
            yield f"datapoints is {self.datapoints}; use 1 or more"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """At least `instances` from one second of the replay or calendar to another, whatever the signals say.

    A scheduled action that raises the minimum, and one that takes it back.
    """

    from_second: float
    to_second: float
    instances: int


@dataclass(frozen=True, kw_only=True)
class ScalingPolicy:
    """Everything that scales one variant. Where several policies want capacity, the largest counts.

    "If multiple scaling policies are in force, Application Auto Scaling scales based on the policy that provides the largest
    capacity; it scales in only if all policies with scale-in agree." `steps` never scale in, so `tracking` decides alone.

    Raises `InvalidScalingError` with everything that is wrong.
    """

    minimum: int
    maximum: int
    tracking: TargetTracking | None = None
    fast_tracking: TargetTracking | None = None
    steps: StepScaling | None = None
    floors: tuple[Floor, ...] = ()

    def __post_init__(self) -> None:
        _raise_if_any(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.minimum < 0 or self.maximum < max(self.minimum, 1):
            yield f"capacity is {self.minimum} to {self.maximum}; use 0 or more, and a maximum that is not below the minimum"
        for floor in self.floors:
            if floor.to_second <= floor.from_second:
                yield f"a floor is from second {floor.from_second:g} to {floor.to_second:g}; let it end after it begins"
            if not 0 < floor.instances <= self.maximum:
                yield f"a floor has {floor.instances} instances; use 1 to the maximum, {self.maximum}"


def _not_positive(name: str, value: float) -> Iterator[str]:
    if not (value > 0 and math.isfinite(value)):
        yield f"{name} is {value}; use more than 0"


def _negative_cooldowns(values: dict[str, object]) -> Iterator[str]:
    for name, value in values.items():
        if name.endswith("cooldown_seconds") and isinstance(value, int) and value < 0:
            yield f"{name} is {value}; use 0 or more"


def _raise_if_any(*problems: Iterator[str]) -> None:
    found = [problem for source in problems for problem in source]
    if found:
        raise InvalidScalingError("; ".join(found))
