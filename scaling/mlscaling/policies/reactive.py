"""What scales an endpoint by what happens to it: the signals that are watched, target tracking, and steps out and in. Pure.

Sources: Application Auto Scaling user guide, "How target tracking scaling works", "How step scaling works"; API reference,
`StepScalingPolicyConfiguration`, `PutScalingPolicy`; Amazon SageMaker AI developer guide, "Automatic scaling of Amazon SageMaker AI
models", "Scale an endpoint to zero instances", "Amazon SageMaker AI enhanced metrics for inference endpoints".
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from mlscaling.policies.problems import bad_cooldowns, no_tuple_of, not_positive, not_whole, raise_if_any

DEFAULT_COOLDOWN_SECONDS = 300  # Of SageMaker endpoint variants: user guide, "Define cooldown periods".
MOST_STEPS = 20  # In one policy: user guide, "Quotas for Application Auto Scaling".


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
        raise_if_any(not_positive("target", self.target), bad_cooldowns(vars(self)), self._wrong_signal())

    def _wrong_signal(self) -> Iterator[str]:
        if self.signal is Signal.PROVISIONED_CONCURRENCY and self.target > 1:
            yield f"target is {self.target}, and PROVISIONED_CONCURRENCY is a share; use up to 1, such as 0.7"
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
        unlike = list(no_tuple_of(Step, self, "steps"))
        raise_if_any(unlike or self._problems_of_steps(), self._problems(), bad_cooldowns(vars(self)))

    def _problems_of_steps(self) -> Iterator[str]:
        if not 0 < len(self.steps) <= MOST_STEPS:
            yield f"a step scaling policy has {len(self.steps)} steps; give 1 to {MOST_STEPS}, such as Step(at_least=8, add=100)"
        bounds = [step.at_least for step in self.steps]
        if bounds != sorted(set(bounds)):
            yield f"steps begin at {bounds}; give each a bound of its own, the lowest first"
        for step in self.steps:
            yield from not_positive("at_least", step.at_least)
            yield from not_positive("add", step.add)
            if step.add % 1:
                yield f"add is {step.add}; use a whole number of percent or instances"

    def _problems(self) -> Iterator[str]:
        if self.signal is Signal.PROVISIONED_CONCURRENCY:
            yield "steps watch PROVISIONED_CONCURRENCY, and warm containers follow a target only; use TargetTracking with that signal"
        yield from not_whole("datapoints", self.datapoints, 1)


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
        unlike = list(no_tuple_of(StepIn, self, "steps"))
        raise_if_any(unlike or self._problems_of_steps(), self._problems(), bad_cooldowns(vars(self)))

    def _problems_of_steps(self) -> Iterator[str]:
        if not 0 < len(self.steps) <= MOST_STEPS:
            example = "StepIn(at_most=150, remove_percent=50)"
            yield f"a policy that scales in has {len(self.steps)} steps; give 1 to {MOST_STEPS}, such as {example}"
        bounds = [step.at_most for step in self.steps]
        if bounds != sorted(set(bounds), reverse=True):
            yield f"steps that scale in begin at {bounds}; give each a bound of its own, the highest first"
        for step in self.steps:
            yield from not_positive("at_most", step.at_most)
            if step.remove_percent not in range(1, 100):
                yield f"remove_percent is {step.remove_percent}; use a whole number, 1 to 99"

    def _problems(self) -> Iterator[str]:
        if self.signal not in (Signal.INVOCATIONS, Signal.FAST_INVOCATIONS):
            yield f"a policy that scales in watches {self.signal.name}; use INVOCATIONS or FAST_INVOCATIONS"
        yield from not_whole("datapoints", self.datapoints, 1)


WAKE_FROM_ZERO = StepScaling(
    signal=Signal.NO_CAPACITY, percent=False, steps=(Step(at_least=1, add=1),), cooldown_seconds=60
)
"""One instance as soon as a request failed for lack of any: developer guide, "Scale an endpoint to zero instances"."""

WAKE_FROM_BACKLOG = StepScaling(
    signal=Signal.BACKLOG_WITHOUT_CAPACITY, percent=False, steps=(Step(at_least=1, add=1),), datapoints=2
)
"""One instance for requests that have waited for two minutes without any: developer guide, "Autoscale an asynchronous endpoint"."""
