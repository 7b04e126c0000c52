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
    AlarmRaised,
    ContainerImage,
    InvalidPropsError,
    JobResources,
    NewData,
    PipelineSucceeded,
    SageMakerPipeline,
    Schedule,
    SourceDirectory,
    StartOn,
    UnknownImageError,
)
from mlplatform.pipeline.imported_session import OfflineSessionError, offline_session
from mlplatform.project import JobLimits, MlProject, OidcSubjects, ProjectAccess
from mlplatform.training import (
    BiasCheck,
    DataQualityCheck,
    ExplainabilityCheck,
    Facet,
    Metric,
    MetricRule,
    ModelAnswers,
    TrainingChecks,
    TrainingPipeline,
    TrainingResources,
    TrainingScripts,
    Tuning,
)
from mlplatform.training_environment import (
    AuthMode,
    HomeFileSystem,
    StudioImage,
    StudioLimits,
    StudioTeam,
    TrainingEnvironment,
)

__all__ = [
    "AlarmRaised",
    "AuthMode",
    "BatchInference",
    "BiasCheck",
    "ContainerImage",
    "DataQualityCheck",
    "Egress",
    "ExistingNetwork",
    "ExperimentStore",
    "ExplainabilityCheck",
    "Facet",
    "HomeFileSystem",
    "InterfaceEndpoint",
    "InvalidPropsError",
    "JobLimits",
    "JobResources",
    "Metric",
    "MetricRule",
    "MlProject",
    "ModelAnswers",
    "NewData",
    "OfflineSessionError",
    "OidcSubjects",
    "PipelineSucceeded",
    "PlatformNetwork",
    "ProjectAccess",
    "ProjectNetwork",
    "SageMakerPipeline",
    "Schedule",
    "SourceDirectory",
    "StartOn",
    "StudioImage",
    "StudioLimits",
    "StudioNetwork",
    "StudioTeam",
    "TrainingChecks",
    "TrainingEnvironment",
    "TrainingPipeline",
    "TrainingResources",
    "TrainingScripts",
    "Tuning",
    "UnknownImageError",
    "offline_session",
]
