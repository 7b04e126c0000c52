"""How traffic moves to a new fleet, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.endpoints.rollout import LONGEST_SECONDS, Rollout


def blue_green(kind: str, *, wait: int = 60, bake: int = 300, **size: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **size}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    ("configuration", "instances", "steps"),
    [
        (None, 2, [(1, 0)]),
        (blue_green("ALL_AT_ONCE"), 2, [(1, 300)]),
        (blue_green("CANARY", CanarySize=percent(10)), 2, [(0.1, 60), (1, 300)]),
        (blue_green("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), 4, [(0.25, 60), (1, 300)]),
        (blue_green("LINEAR", LinearStepSize=percent(40)), 5, [(0.4, 60), (0.8, 60), (1, 300)]),
        (blue_green("LINEAR", LinearStepSize=percent(50)), 5, [(0.5, 60), (1, 300)]),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 30}},
            2,
            [(0.5, 30), (1, 0)],
        ),
    ],
)
def test_a_deployment_configuration_is_steps(
    configuration: dict[str, Any] | None, instances: int, steps: list[tuple[float, float]]
) -> None:
    rollout = Rollout.of(configuration, instances)

    assert [step.share for step in rollout.steps] == pytest.approx([share for share, _ in steps])
    assert [step.wait_seconds for step in rollout.steps] == [wait for _, wait in steps]
    assert (rollout.alarms, rollout.most_seconds) == ((), LONGEST_SECONDS)
