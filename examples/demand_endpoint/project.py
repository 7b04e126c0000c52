"""The demand forecast behind an endpoint: what a team adds once a version is approved."""

from __future__ import annotations

from examples.demand_forecast.project import define as demand_forecast
from mlplatform import MlProject, RealtimeEndpoint


def define(project: MlProject) -> None:
    """Train and forecast as before; and answer single requests at once, always with the newest approved version."""
    demand_forecast(project)
    RealtimeEndpoint(project, "Live", follow_approvals=True)
