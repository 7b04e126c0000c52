"""The experiment store: MLflow, and a run for everything that SageMaker does."""

from mlplatform.experiment_store.experiment_store import ExperimentStore

__all__ = ["ExperimentStore"]
