"""The experiment store: a record of everything that SageMaker does, and MLflow to look at the records."""

from mlplatform.experiment_store.experiment_store import ExperimentStore
from mlplatform.experiment_store.mlflow import TrackingServer
from mlplatform.experiment_store.project_experiments import ProjectExperiments, RecordsPlace
from mlplatform.experiment_store.records_bucket import RecordRetention

__all__ = ["ExperimentStore", "ProjectExperiments", "RecordRetention", "RecordsPlace", "TrackingServer"]
