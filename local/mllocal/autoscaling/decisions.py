"""Which capacity policies want, given what their alarms see. Pure.

Sources: Application Auto Scaling user guide, "How target tracking scaling works", "How step scaling works", "Define cooldown periods";
API reference, `StepScalingPolicyConfiguration`, `StepAdjustment`. `mlscaling.replay.controllers` has the same rules for its replay,
written for many policies at once; tests hold the two against each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mllocal.sagemaker.store import Document

DEFAULT_COOLDOWN_SECONDS = 300
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Breach:
    """What an alarm in state ALARM saw last: the newest value, and when its period ended. `is_high` says that it is over the threshold."""

    alarm: str
    is_high: bool
    threshold: float
    value: float
    at: float


@dataclass(frozen=True)
class Capacity:
    """The instances of a target: wanted, and in service."""

    desired: int
    in_service: int


@dataclass(frozen=True)
class Change:
    """An activity that has ended: from how many instances to how many, and when it began and ended."""

    before: int
    after: int
    began: float
    ended: float


@dataclass(frozen=True)
class Cooldown:
    """What a policy remembers of its last activity. Times are of the wall clock; `before` is the capacity that a scale-out began from."""

    out_until: float = 0
    in_until: float = 0
    before: int = 0

    def after(self, change: Change, is_mine: bool, out_seconds: float, in_seconds: float) -> Cooldown:
        """After an activity. A scale-out counts for the policies that wanted it, and ends their cooldown of scale-in; a
        scale-in counts for all. What is added in the cooldown of a scale-out is part of that one, and prolongs nothing."""
        if change.after < change.before:
            return replace(self, in_until=change.ended + in_seconds)
        if not is_mine:
            return self
        if change.began < self.out_until:
            return replace(self, in_until=0)
        return Cooldown(out_until=change.ended + out_seconds, before=change.before)


def cooldown_seconds(policy: Document) -> tuple[float, float]:
    """Of a policy's scale-out and of its scale-in."""
    tracking = policy.get("TargetTrackingScalingPolicyConfiguration")
    if tracking is None:
        seconds = policy["StepScalingPolicyConfiguration"].get("Cooldown", DEFAULT_COOLDOWN_SECONDS)
        return seconds, seconds
    return (
        tracking.get("ScaleOutCooldown", DEFAULT_COOLDOWN_SECONDS),
        tracking.get("ScaleInCooldown", DEFAULT_COOLDOWN_SECONDS),
    )


@dataclass(frozen=True)
class Decision:
    """The capacity that is wanted, the policies that want it, and why."""

    desired: int
    policies: tuple[str, ...]
    cause: str


@dataclass(frozen=True)
class Judged:
    """A policy, what its alarms see, and what it remembers."""

    policy: Document
    breaches: Sequence[Breach]
    cooldown: Cooldown

    @property
    def arn(self) -> str:
        """Of the policy."""
        arn: str = self.policy["PolicyARN"]
        return arn

    @property
    def tracking(self) -> Document | None:
        """Its configuration, if it tracks a target."""
        return self.policy.get("TargetTrackingScalingPolicyConfiguration")

    @property
    def may_shrink(self) -> bool:
        """Whether it may scale in."""
        return self.tracking is None or not self.tracking.get("DisableScaleIn", False)

    def wants(self, capacity: Capacity, now: float) -> list[tuple[int, Breach]]:
        """The capacities that its breaches ask for."""
        return [(self._wanted(breach, capacity, now), breach) for breach in self.breaches]

    def _wanted(self, breach: Breach, capacity: Capacity, now: float) -> int:
        cools = now < self.cooldown.out_until
        if self.tracking is not None:
            base = self.cooldown.before if cools and breach.is_high else capacity.in_service
            return _needed(base, breach.value, self.tracking["TargetValue"])
        base = self.cooldown.before if cools and breach.is_high else capacity.desired
        return stepped(self.policy["StepScalingPolicyConfiguration"], base, breach)


def decide(judged: Sequence[Judged], capacity: Capacity, now: float) -> Decision | None:
    """The largest capacity that any policy wants; less than there is only if no policy wants more.

    Policies that track a target scale in only if all of them agree. They do not block steps that scale in: API reference,
    `PutScalingPolicy`.
    """
    asked = [(want, breach, one) for one in judged for want, breach in one.wants(capacity, now)]
    more = [item for item in asked if item[0] > capacity.desired]
    if more:
        return _decision(more)
    if any(breach.is_high for _, breach, _ in asked):
        return None
    less = [item for item in asked if item[2].may_shrink and item[2].cooldown.in_until <= now]
    trackers = {one.arn for one in judged if one.tracking is not None and one.may_shrink}
    agree = trackers <= {one.arn for _, _, one in less}
    less = [item for item in less if agree or item[2].tracking is None]
    found = _decision(less) if less else None
    return found if found is not None and found.desired < capacity.desired else None


def _decision(items: Sequence[tuple[int, Breach, Judged]]) -> Decision:
    desired = max(want for want, _, _ in items)
    deciding = [(breach, one) for want, breach, one in items if want == desired]
    breach, first = deciding[0]
    cause = f"monitor alarm {breach.alarm} in state ALARM triggered policy {first.policy['PolicyName']}"
    return Decision(desired, tuple(one.arn for _, one in deciding), cause)


def _needed(instances: int, value: float, target: float) -> int:
    return math.ceil(instances * value / target - _ROUNDING)


def stepped(configuration: Document, base: int, breach: Breach) -> int:
    """The capacity that a step scaling policy wants from `base`; `base` itself where no step covers the breach."""
    steps = [step for step in configuration.get("StepAdjustments", ()) if _covers(step, breach)]
    if not steps:
        return base
    adjustment: float = steps[0]["ScalingAdjustment"]
    match configuration.get("AdjustmentType"):
        case "ExactCapacity":
            return int(adjustment)
        case "PercentChangeInCapacity":
            return base + _percent(base, adjustment, configuration.get("MinAdjustmentMagnitude", 1))
        case _:
            return base + int(adjustment)


def _percent(base: int, percent: float, least: int) -> int:
    """Rounded towards zero, but to one instance at least, and to the least magnitude."""
    change = base * percent / 100
    magnitude = max(least, math.floor(abs(change) + _ROUNDING)) if percent else 0
    return magnitude if percent > 0 else -magnitude


def _covers(step: Mapping[str, float], breach: Breach) -> bool:
    """Bounds are relative to the threshold; the one that is nearer to it belongs to the step."""
    over = breach.value - breach.threshold
    lower = step.get("MetricIntervalLowerBound", -math.inf)
    upper = step.get("MetricIntervalUpperBound", math.inf)
    return lower <= over < upper if over >= 0 and breach.is_high else lower < over <= upper
