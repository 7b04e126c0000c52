"""How traffic moves from the old fleet of an endpoint to the new one: shares and waits, as a deployment configuration says.

Source: Amazon SageMaker AI developer guide, "Deployment guardrails for updating models in production". A rolling update starts the whole
new fleet here, and moves the traffic of one batch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mllocal.aws import Aws
from mllocal.sagemaker.store import Document, Scope

LONGEST_SECONDS = 28_800  # API reference, BlueGreenUpdatePolicy: the most that MaximumExecutionTimeoutInSeconds can be.


@dataclass(frozen=True)
class Step:
    """The new fleet gets this share of the requests for so long, and then the next step comes."""

    share: float
    wait_seconds: float


@dataclass(frozen=True)
class Rollout:
    """What a deployment does once its new fleet is healthy."""

    steps: tuple[Step, ...]
    alarms: tuple[str, ...]
    most_seconds: float

    @classmethod
    def of(cls, configuration: Document | None, instances: int) -> Rollout:
        """The rollout of a `DeploymentConfig` to so many instances; all at once, without one."""
        given = configuration or {}
        alarms = given.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        policy: Document = given.get("RollingUpdatePolicy") or given.get("BlueGreenUpdatePolicy") or {}
        most = float(policy.get("MaximumExecutionTimeoutInSeconds", LONGEST_SECONDS))
        return cls(tuple(_steps(given, instances)), tuple(alarm["AlarmName"] for alarm in alarms), most)


def raised(scope: Scope, alarms: tuple[str, ...]) -> str | None:
    """Which of these alarms are raised; None if none is."""
    if not alarms:
        return None
    found = Aws(scope).client("cloudwatch").describe_alarms(AlarmNames=list(alarms), StateValue="ALARM")["MetricAlarms"]
    return ", ".join(alarm["AlarmName"] for alarm in found) or None


def _steps(given: Document, instances: int) -> Iterator[Step]:
    if "RollingUpdatePolicy" in given:
        policy = given["RollingUpdatePolicy"]
        yield from _linear(_share(policy["MaximumBatchSize"], instances), policy["WaitIntervalInSeconds"], 0)
        return
    policy = given.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    last_wait = policy.get("TerminationWaitInSeconds", 0)
    wait = routing.get("WaitIntervalInSeconds", 0)
    match routing["Type"]:
        case "CANARY":
            yield Step(_share(routing["CanarySize"], instances), wait)
            yield Step(1, last_wait)
        case "LINEAR":
            yield from _linear(_share(routing["LinearStepSize"], instances), wait, last_wait)
        case _:
            yield Step(1, last_wait)


def _linear(share: float, wait: float, last_wait: float) -> Iterator[Step]:
    count = math.ceil(1 / share - 1e-9)
    yield from (Step(number * share, wait) for number in range(1, count))
    yield Step(1, last_wait)


def _share(size: Document, instances: int) -> float:
    whole = 100 if size["Type"] == "CAPACITY_PERCENT" else max(instances, 1)
    return min(float(size["Value"]) / whole, 1.0)
