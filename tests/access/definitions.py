"""A project with everything that a project can have: both ready pipelines, and one that was made elsewhere and tunes."""

from __future__ import annotations

from examples.demand_forecast.project import define as demand_forecast
from mlplatform import MlProject


def define(project: MlProject) -> None:
    demand_forecast(project)
    project.allow_pipeline_to_tune()
