"""Reusable CDK constructs of the ML platform: what a project team imports.

A team declares an `MlProject`, and in it a `TrainingPipeline`, a `BatchInference` and endpoints; the platform team adds the
`PlatformNetwork`, the `TrainingEnvironment` and the `ExperimentStore`. Scripts import `track`, which works without the CDK:
what is named here is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlplatform.batch_inference import (
        BatchInference,
        ChampionChallenger,
        CheckAction,
        Column,
        DataChecks,
        Deadline,
        Failure,
        FailurePolicy,
        GroundTruth,
        NewestApproved,
        Overlap,
        PinnedVersion,
        Retry,
        RunPolicy,
        Scoring,
        Task,
    )
    from mlplatform.batch_inference.serving_image import TabularImage
    from mlplatform.endpoint import (
        AlarmLimits,
        AsyncEndpoint,
        BlueGreen,
        ComponentEndpoint,
        DataCapture,
        Fallback,
        HttpApi,
        InferenceComponent,
        RealtimeEndpoint,
        ServerlessEndpoint,
        Variant,
    )
    from mlplatform.experiment_store import (
        ExperimentStore,
        ProjectExperiments,
        RecordRetention,
        RecordsPlace,
        TrackingServer,
    )
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
    from mlplatform.project import JobLimits, MlProject, OidcSubjects, ProjectAccess, SlackChannel, TeamsChannel
    from mlplatform.scaling import EndpointScaling, InstanceLadder, Rung, ScalingProof, read_scaling
    from mlplatform.tracking import Run, TrackError, track
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
else:
    _ROOMS = (
        "tracking",
        "batch_inference",
        "batch_inference.serving_image",
        "endpoint",
        "experiment_store",
        "network",
        "pipeline",
        "pipeline.imported_session",
        "project",
        "scaling",
        "training",
        "training_environment",
    )
    """Where names are, in the order in which they are looked for: `tracking` first, which needs nothing."""

    def __getattr__(name: str) -> object:
        """PEP 562."""
        if name in __all__:
            for room in _ROOMS:
                module = import_module(f"{__name__}.{room}")
                if hasattr(module, name):
                    globals()[name] = getattr(module, name)
                    return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "AlarmLimits",
    "AlarmRaised",
    "AsyncEndpoint",
    "AuthMode",
    "BatchInference",
    "BiasCheck",
    "BlueGreen",
    "ChampionChallenger",
    "CheckAction",
    "Column",
    "ComponentEndpoint",
    "ContainerImage",
    "DataCapture",
    "DataChecks",
    "DataQualityCheck",
    "Deadline",
    "Egress",
    "EndpointScaling",
    "ExistingNetwork",
    "ExperimentStore",
    "ExplainabilityCheck",
    "Facet",
    "Failure",
    "FailurePolicy",
    "Fallback",
    "GroundTruth",
    "HomeFileSystem",
    "HttpApi",
    "InstanceLadder",
    "InferenceComponent",
    "InterfaceEndpoint",
    "InvalidPropsError",
    "JobLimits",
    "JobResources",
    "Metric",
    "MetricRule",
    "MlProject",
    "ModelAnswers",
    "NewData",
    "NewestApproved",
    "OfflineSessionError",
    "OidcSubjects",
    "Overlap",
    "PinnedVersion",
    "PipelineSucceeded",
    "PlatformNetwork",
    "ProjectAccess",
    "ProjectExperiments",
    "ProjectNetwork",
    "RealtimeEndpoint",
    "RecordRetention",
    "RecordsPlace",
    "Retry",
    "RunPolicy",
    "Run",
    "Rung",
    "SageMakerPipeline",
    "ScalingProof",
    "Schedule",
    "Scoring",
    "ServerlessEndpoint",
    "SlackChannel",
    "SourceDirectory",
    "StartOn",
    "StudioImage",
    "StudioLimits",
    "StudioNetwork",
    "StudioTeam",
    "TabularImage",
    "Task",
    "TeamsChannel",
    "TrackError",
    "TrackingServer",
    "TrainingChecks",
    "TrainingEnvironment",
    "TrainingPipeline",
    "TrainingResources",
    "TrainingScripts",
    "Tuning",
    "UnknownImageError",
    "Variant",
    "offline_session",
    "read_scaling",
    "track",
]
