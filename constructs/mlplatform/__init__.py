"""Reusable CDK constructs of the ML platform: what a project team imports.

A team declares an `MlProject`, and in it a `TrainingPipeline` and a `BatchInference`; the platform team adds the
`PlatformNetwork` and the `ExperimentStore`.
"""

from mlplatform.batch_inference import BatchInference
from mlplatform.experiment_store import ExperimentStore
from mlplatform.network import PlatformNetwork, ProjectNetwork
from mlplatform.pipeline import (
    ContainerImage,
    InvalidPropsError,
    JobResources,
    SageMakerPipeline,
    Schedule,
    SourceDirectory,
    UnknownImageError,
)
from mlplatform.pipeline.imported import ImportedPipeline
from mlplatform.pipeline.imported_session import OfflineSessionError, offline_session
from mlplatform.project import JobLimits, MlProject, OidcSubjects, ProjectAccess
from mlplatform.training import Metric, MetricRule, TrainingPipeline

__all__ = [
    "BatchInference",
    "ContainerImage",
    "ExperimentStore",
    "ImportedPipeline",
    "InvalidPropsError",
    "JobLimits",
    "JobResources",
    "Metric",
    "MetricRule",
    "MlProject",
    "OfflineSessionError",
    "OidcSubjects",
    "PlatformNetwork",
    "ProjectAccess",
    "ProjectNetwork",
    "SageMakerPipeline",
    "Schedule",
    "SourceDirectory",
    "TrainingPipeline",
    "UnknownImageError",
    "offline_session",
]
