"""Training: validate, build features, train, evaluate, and register what is good enough."""

from mlplatform.training.metric import Metric, MetricRule
from mlplatform.training.training_pipeline import TrainingPipeline

__all__ = ["Metric", "MetricRule", "TrainingPipeline"]
