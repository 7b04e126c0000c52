"""Training: validate, build features, train or tune, evaluate, compare with production, and register what is good enough."""

from mlplatform.training.checks import (
    BiasCheck,
    DataQualityCheck,
    ExplainabilityCheck,
    Facet,
    ModelAnswers,
    TrainingChecks,
)
from mlplatform.training.metric import Metric, MetricRule
from mlplatform.training.resources import TrainingResources
from mlplatform.training.scripts import TrainingScripts
from mlplatform.training.training_pipeline import TrainingPipeline
from mlplatform.training.tuning import Tuning

__all__ = [
    "BiasCheck",
    "DataQualityCheck",
    "ExplainabilityCheck",
    "Facet",
    "Metric",
    "MetricRule",
    "ModelAnswers",
    "TrainingChecks",
    "TrainingPipeline",
    "TrainingResources",
    "TrainingScripts",
    "Tuning",
]
