"""The weekly demand forecast, as its team writes it."""

from __future__ import annotations

from pathlib import Path

from mlplatform import (
    BatchInference,
    CheckAction,
    Column,
    DataChecks,
    Deadline,
    Metric,
    MlProject,
    RunPolicy,
    Schedule,
    SourceDirectory,
    TrainingPipeline,
)

JOBS = SourceDirectory(Path(__file__).parent / "jobs")


def define(project: MlProject) -> None:
    """Train on the hourly history; each Monday, forecast the week ahead by 06:00 with the newest approved model."""
    TrainingPipeline(
        project,
        "Training",
        source=JOBS,
        input_prefix="bikeshare/hourly/",
        hyperparameters={"loss": "poisson", "max_iter": 200, "learning_rate": 0.05, "max_leaf_nodes": 15},
        register_when=Metric("relative_rmse").below(1.0),  # Better than the same hour of the week before.
    )
    BatchInference(
        project,
        "WeeklyForecast",
        source=JOBS,
        input_prefix="bikeshare/history/",
        predictions=[Column("forecast", "double")],
        schedule=Schedule.cron("0 3 ? * MON *", time_zone="America/New_York"),
        runs=RunPolicy(deadline=Deadline(time="06:00", time_zone="America/New_York")),
        checks=DataChecks(input=CheckAction.STOP),  # All hours of the week, or none.
    )
