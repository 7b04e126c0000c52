"""The function that lets the minimum of an endpoint follow a forecast, called, and what it puts, run at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from mlp.endpoints import Endpoints
from tests.local.endpoints.deployed import Deployed
from tests.local.workbench import Workbench

PATIENCE_SECONDS = 120


def instances(endpoints: Endpoints, deployed: Deployed) -> int:
    """How many serve, once no change is under way; 0 until then."""
    row = endpoints.row(deployed.endpoint)
    (variant,) = row.variants
    is_at_rest = row.status == "InService" and variant.instances == variant.desired
    return variant.instances or 0 if is_at_rest else 0


def call_the_floor(workbench: Workbench, deployed: Deployed) -> None:
    """As its schedule does each hour; it did so when it was made, and nobody knows which of two calls at once is the last."""
    wait_until(lambda: len(_actions(workbench)) > 1)
    name = f"{deployed.endpoint}-main-floor"
    target = workbench.engine.client("scheduler").get_schedule(Name=name)["Target"]
    answer = workbench.engine.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
    said = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, said


def put_by_the_floor(workbench: Workbench) -> list[dict[str, Any]]:
    """What raises the minimum first, and what takes it back."""
    in_order = sorted(_actions(workbench), key=lambda action: str(action["Schedule"]))
    return [in_order[0], in_order[-1]]


def _actions(workbench: Workbench) -> list[dict[str, Any]]:
    scaling = workbench.engine.client("application-autoscaling")
    found: list[dict[str, Any]] = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    return found


def happen_soon(workbench: Workbench, action: dict[str, Any]) -> None:
    """Move an action to now: its own time is that of the wall clock, in minutes or hours."""
    due = datetime.now(tz=UTC) + timedelta(seconds=2)
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension", "ScheduledActionName", "ScalableTargetAction")
    workbench.engine.client("application-autoscaling").put_scheduled_action(
        **{name: action[name] for name in names}, Schedule=f"at({due:%Y-%m-%dT%H:%M:%S})"
    )


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert reached()
