"""Reusable CDK constructs of the ML platform: what a project team imports.

A team declares an `MlProject`, and in it a `TrainingPipeline` and a `BatchInference`; the platform team adds the
`PlatformNetwork`, the `TrainingEnvironment` and the `ExperimentStore`.
"""

from mlplatform.batch_inference import BatchInference
from mlplatform.experiment_store import ExperimentStore
from mlplatform.network import (
    Egress,
    ExistingNetwork,
    InterfaceEndpoint,
    PlatformNetwork,
    ProjectNetwork,
    StudioNetwork,
)
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
from mlplatform.project import MlProject
from mlplatform.training import Metric, MetricRule, TrainingPipeline
from mlplatform.training_environment import (
    AuthMode,
    HomeFileSystem,
    StudioImage,
    StudioLimits,
    StudioTeam,
    TrainingEnvironment,
)

__all__ = [
    "AuthMode",
    "BatchInference",
    "ContainerImage",
    "Egress",
    "ExistingNetwork",
    "ExperimentStore",
    "HomeFileSystem",
    "ImportedPipeline",
    "InterfaceEndpoint",
    "InvalidPropsError",
    "JobResources",
    "Metric",
    "MetricRule",
    "MlProject",
    "OfflineSessionError",
    "PlatformNetwork",
    "ProjectNetwork",
    "SageMakerPipeline",
    "Schedule",
    "SourceDirectory",
    "StudioImage",
    "StudioLimits",
    "StudioNetwork",
    "StudioTeam",
    "TrainingEnvironment",
    "TrainingPipeline",
    "UnknownImageError",
    "offline_session",
]
