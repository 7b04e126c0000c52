"""The experiment store: MLflow, and a run for everything that SageMaker does."""

from mlplatform.experiment_store.experiment_store import ExperimentStore
from mlplatform.experiment_store.mlflow import TrackingServer
from mlplatform.experiment_store.project_experiments import ProjectExperiments, RecordsPlace

__all__ = ["ExperimentStore", "ProjectExperiments", "RecordsPlace", "TrackingServer"]
