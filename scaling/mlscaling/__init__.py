"""Scaling policies as small typed objects, and a replay that proves them before they are deployed.

`policies` says what may be deployed, `measurements` what was counted and tested, `forecasts` what is known of the demand to come,
`replay` what happens then, `search` what would be best, and `proof` whether a policy may go out. Each imports only those before it.
`jobs` is by itself: it says on which machine the next job runs, and until when it may wait for spot capacity.

What is named here, and all of `policies`, `measurements`, `forecasts` and `jobs`, needs the standard library only, since functions run
it. `replay`, `search` and `proof` compute with numpy, and are for who asks for a proof.
"""

from mlscaling.forecasts.announced import capacity_for
from mlscaling.forecasts.floors import FloorPlan, floor_plan
from mlscaling.forecasts.published import InvalidForecastError, Published
from mlscaling.measurements.history import History, InvalidHistoryError
from mlscaling.policies.planned import Event, ForecastFloor, PublishedForecast, Season, TimesUsual
from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import (
    WAKE_FROM_BACKLOG,
    WAKE_FROM_ZERO,
    Signal,
    Step,
    StepIn,
    StepScaleIn,
    StepScaling,
    TargetTracking,
)
from mlscaling.policies.scaling import Objective, Scaling, by_backlog

__all__ = [
    "Event",
    "FloorPlan",
    "ForecastFloor",
    "History",
    "InvalidForecastError",
    "InvalidHistoryError",
    "InvalidScalingError",
    "Objective",
    "Published",
    "PublishedForecast",
    "Scaling",
    "Season",
    "Signal",
    "Step",
    "StepIn",
    "StepScaleIn",
    "StepScaling",
    "TargetTracking",
    "TimesUsual",
    "WAKE_FROM_BACKLOG",
    "WAKE_FROM_ZERO",
    "by_backlog",
    "capacity_for",
    "floor_plan",
]
