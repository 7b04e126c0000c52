"""Scaling policies as small typed objects, and a replay that proves them before they are deployed.

What is named here needs the standard library only. `replay`, `cases`, `compiler` and `proof` compute with numpy, and are for who asks
for a proof: `policies` says what may be deployed, `forecast` and `published` what is known of the demand, `fleet` what an instance can
do, `cases` which days to play, `replay` what happens then, `compiler` what would be best, and `proof` whether a policy may go out.
`ladder` and `spot` are of jobs: they say on which machine the next one runs, and until when it may wait for spot capacity.
"""

from mlscaling.announced import capacity_for
from mlscaling.floors import FloorPlan, floor_plan
from mlscaling.history import History, InvalidHistoryError
from mlscaling.planned import Event, ForecastFloor, PublishedForecast, Season, TimesUsual
from mlscaling.policies import Objective, Scaling, by_backlog
from mlscaling.policy_problems import InvalidScalingError
from mlscaling.published import InvalidForecastError, Published
from mlscaling.reactive import (
    WAKE_FROM_BACKLOG,
    WAKE_FROM_ZERO,
    Signal,
    Step,
    StepIn,
    StepScaleIn,
    StepScaling,
    TargetTracking,
)

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
