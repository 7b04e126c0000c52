"""What scales endpoints here decides as the replay of `mlscaling`, which reads the same rules for many policies at once."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import numpy as np
import pytest

import mlscaling.replay.controllers as replayed
from mllocal.autoscaling.decisions import (
    Breach,
    Capacity,
    Change,
    Cooldown,
    Judged,
    cooldown_seconds,
    decide,
    stepped,
)
from mllocal.autoscaling.tracking_alarms import IN_SECONDS, IN_SHARE_OF_TARGET, OUT_DATAPOINTS
from mllocal.emulator.alarm_states import Rule, evaluate
from mlscaling.policies.reactive import Signal, Step, StepIn, StepScaleIn, StepScaling, TargetTracking

PERIOD_SECONDS = 60
BLOCKS = PERIOD_SECONDS // replayed.BLOCK_SECONDS
MINUTES = 400


class Engine:
    """One policy, its alarms by the rules of CloudWatch, and a capacity that changes at once."""

    def __init__(self, policy: dict[str, Any], *rules: Rule) -> None:
        self._policy = {"PolicyARN": "arn", "PolicyName": "p", **policy}
        self._rules = rules
        self._values: deque[float] = deque(maxlen=30)
        self._cooldown = Cooldown()
        self.capacity = Capacity(4, 4)

    def see(self, minute: int, value: float) -> None:
        self._values.appendleft(value)
        now = float(minute * PERIOD_SECONDS)
        breaches = [
            Breach("alarm", rule.comparison.startswith("Greater"), rule.threshold, value, now)
            for rule in self._rules
            if evaluate(rule, list(self._values)[: rule.periods])[0] == "ALARM"
        ]
        decision = decide([Judged(self._policy, breaches, self._cooldown)], self.capacity, now)
        if decision is not None:
            change = Change(self.capacity.desired, decision.desired, now, now)
            self._cooldown = self._cooldown.after(change, True, *cooldown_seconds(self._policy))
            self.capacity = Capacity(decision.desired, decision.desired)


class Replay:
    """The same policy as `mlscaling.replay.outcome` plays it."""

    def __init__(self, controller: replayed.Controller) -> None:
        self._controller = controller
        self.capacity = 4.0

    def see(self, minute: int, value: float) -> None:
        block = minute * BLOCKS
        now = np.array([self.capacity])
        more, less = self._controller.judge(block, np.array([value]), replayed.Capacity(desired=now, in_service=now))
        wanted = float(more[0] if more[0] > self.capacity else min(self.capacity, less[0]))
        if wanted > self.capacity:
            self._controller.scaled_out(np.array([True]), (block, block), now)
        elif wanted < self.capacity:
            self._controller.scaled_in(np.array([True]), block)
        self.capacity = wanted


def high(threshold: float, datapoints: int, comparison: str = "GreaterThanThreshold") -> Rule:
    return Rule(
        comparison=comparison,
        threshold=threshold,
        evaluation_periods=datapoints,
        datapoints_to_alarm=datapoints,
        treat_missing_data="missing",
    )


def demands(seed: int) -> list[float]:
    """Requests per minute: a rush, and then they wander, with jumps and long calms."""
    drawn = random.Random(seed)
    demand = 400.0
    found = [900.0] * 4
    while len(found) < MINUTES:
        demand = min(max(demand * drawn.choice((0.3, 0.7, 0.95, 1, 1.05, 1.5, 4)), 20), 4000)
        found += [demand * drawn.uniform(0.97, 1.03) for _ in range(drawn.choice((1, 2, 4, 20)))]
    return found[:MINUTES]


def test_target_tracking_moves_as_in_the_replay() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    tracking = {"TargetValue": 100.0, "ScaleOutCooldown": 300, "ScaleInCooldown": 600}
    engine = Engine(
        {"TargetTrackingScalingPolicyConfiguration": tracking},
        high(100, OUT_DATAPOINTS),
        high(100 * IN_SHARE_OF_TARGET, IN_SECONDS // PERIOD_SECONDS, "LessThanThreshold"),
    )
    policy = TargetTracking(target=100, scale_out_cooldown_seconds=300, scale_in_cooldown_seconds=600)
    replay = Replay(replayed.Tracking([policy], PERIOD_SECONDS))

    moves = play(engine, replay, demands(seed))

    assert moves > 2


def test_steps_move_as_in_the_replay() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 100, "ScalingAdjustment": 30},
        {"MetricIntervalLowerBound": 100, "ScalingAdjustment": 150},
    ]
    configuration = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": steps, "Cooldown": 600}
    engine = Engine({"StepScalingPolicyConfiguration": configuration}, high(100, 2, "GreaterThanOrEqualToThreshold"))
    policy = StepScaling(
        steps=(Step(at_least=100, add=30), Step(at_least=200, add=150)),
        signal=Signal.INVOCATIONS,
        datapoints=2,
        cooldown_seconds=600,
    )
    replay = Replay(replayed.Stepping([policy]))

    moves = play(engine, replay, demands(seed))

    assert moves > 0


def test_steps_that_scale_in_move_as_in_the_replay() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    steps = [
        {"MetricIntervalUpperBound": 0, "MetricIntervalLowerBound": -40, "ScalingAdjustment": -20},
        {"MetricIntervalUpperBound": -40, "ScalingAdjustment": -60},
    ]
    configuration = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": steps, "Cooldown": 180}
    engine = Engine({"StepScalingPolicyConfiguration": configuration}, high(80, 3, "LessThanOrEqualToThreshold"))
    policy = StepScaleIn(
        steps=(StepIn(at_most=80, remove_percent=20), StepIn(at_most=40, remove_percent=60)), cooldown_seconds=180
    )
    replay = Replay(replayed.SteppingIn([policy]))
    engine.capacity, replay.capacity = Capacity(500, 500), 500.0

    moves = play(engine, replay, [value * 30 for value in demands(seed)])

    assert moves > 2


def play(engine: Engine, replay: Replay, found: list[float]) -> int:
    """Both see the demand over their own capacity, which must be the same in each minute; how often it moved."""
    moves = 0
    for minute, demand in enumerate(found):
        before = engine.capacity.desired
        value = demand / before
        engine.see(minute, value)
        replay.see(minute, value)
        assert engine.capacity.desired == replay.capacity, f"minute {minute}, value {value}"
        moves += engine.capacity.desired != before
    return moves


@pytest.mark.parametrize(
    ("kind", "adjustment", "least", "wanted"),
    [
        ("ChangeInCapacity", 2, 1, 12),
        ("ChangeInCapacity", -2, 1, 8),
        ("ExactCapacity", 3, 1, 3),
        ("PercentChangeInCapacity", 25, 1, 12),
        ("PercentChangeInCapacity", 5, 1, 11),
        ("PercentChangeInCapacity", -25, 1, 8),
        ("PercentChangeInCapacity", -5, 1, 9),
        ("PercentChangeInCapacity", 5, 4, 14),
    ],
)
def test_adjustments_are_rounded_as_documented(kind: str, adjustment: int, least: int, wanted: int) -> None:
    configuration = {
        "AdjustmentType": kind,
        "MinAdjustmentMagnitude": least,
        "StepAdjustments": [{"ScalingAdjustment": adjustment}],
    }
    assert stepped(configuration, 10, Breach("alarm", True, 50, 60, 0)) == wanted


def test_policies_that_track_shrink_only_together() -> None:
    def judged(name: str, *breaches: Breach, **members: Any) -> Judged:
        tracking = {"TargetValue": 100.0, **members}
        policy = {"PolicyARN": name, "PolicyName": name, "TargetTrackingScalingPolicyConfiguration": tracking}
        return Judged(policy, breaches, Cooldown())

    low, calm = Breach("low", False, 90, 20, 0), Capacity(5, 5)
    both = decide([judged("a", low), judged("b", Breach("low", False, 90, 55, 0))], calm, 0)
    assert both is not None
    assert both.desired == 3
    assert decide([judged("a", low), judged("b")], calm, 0) is None
    alone = decide([judged("a", low), judged("b", DisableScaleIn=True)], calm, 0)
    assert alone is not None
    assert alone.desired == 1


def test_steps_that_scale_in_do_not_wait_for_what_tracks() -> None:
    """API reference, `PutScalingPolicy`."""
    tracking = {"PolicyARN": "a", "PolicyName": "a", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100.0}}
    halves = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": -50}]}
    steps = {"PolicyARN": "b", "PolicyName": "b", "StepScalingPolicyConfiguration": halves}
    idle = [Breach("idle", False, 50, 10, 0)]

    found = decide([Judged(tracking, [], Cooldown()), Judged(steps, idle, Cooldown())], Capacity(8, 8), 0)

    assert found is not None
    assert (found.desired, found.policies) == (4, ("b",))
