"""A project with everything that a project can have: both ready pipelines, and one with all options, which tunes and checks."""

from __future__ import annotations

from examples.demand_forecast.project import JOBS
from examples.demand_forecast.project import define as demand_forecast
from mlpipelines import ContinuousRange
from mlplatform import (
    BiasCheck,
    DataQualityCheck,
    ExplainabilityCheck,
    Facet,
    MlProject,
    ModelAnswers,
    NewData,
    StartOn,
    TrainingChecks,
    TrainingPipeline,
    Tuning,
)


def define(project: MlProject) -> None:
    demand_forecast(project)
    TrainingPipeline(
        project,
        "Everything",
        source=JOBS,
        input_prefix="bikeshare/hourly/",
        tuning=Tuning(
            objective="validation:rmse", ranges=[ContinuousRange(name="learning_rate", minimum=0.01, maximum=0.5)]
        ),
        checks=TrainingChecks(
            label="bikers",
            answers=ModelAnswers(probability_threshold=0.5),
            data_quality=DataQualityCheck(),
            bias=BiasCheck(label_values_or_threshold=(1,), facets=(Facet(name="hour", values_or_threshold=(12,)),)),
            explainability=ExplainabilityCheck(num_samples=10),
        ),
        start_on=StartOn(events=[NewData(prefix="bikeshare/hourly/")]),
    )
