"""A target in simulated time whose minimum follows a forecast, and how its function is asked."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from mlplatform.scaling.rendering import calendar_actions
from mlplatform.scaling.runtime.set_floor import Asked
from mlscaling import ForecastFloor, Scaling
from tests.unit.scaling.simulated_autoscaling import SimulatedAutoScaling

START = datetime(2026, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLOOR = ForecastFloor(requests_per_second=10, quantile=0.5, periods=5, around_minutes=0, lead_minutes=10)
LONGEST_WAIT = timedelta(minutes=7)
"""From a call to its first action."""


def asked(scaling: Scaling) -> Asked:
    return Asked(
        resource_id="endpoint/quotes/variant/AllTraffic",
        dimension="sagemaker:variant:DesiredInstanceCount",
        metric_dimensions={"EndpointName": "quotes", "VariantName": "AllTraffic"},
        scaling=scaling,
    )


def deployed(scaling: Scaling, seed: int = 0) -> SimulatedAutoScaling:
    """The target as CloudFormation makes it: the policy's minimum, and the actions of its calendar."""
    target = SimulatedAutoScaling(minimum=scaling.minimum, now=START, order=random.Random(seed))
    for one in calendar_actions(scaling):
        target.put_scheduled_action(
            ScheduledActionName=one["scheduledActionName"],
            Schedule=one["schedule"],
            Timezone=one["timezone"],
            ScalableTargetAction={"MinCapacity": one["scalableTargetAction"]["minCapacity"]},
        )
    target.calls = 0
    return target
