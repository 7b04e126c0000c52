"""`platform.yaml`: what it may say, and every mistake in it as a sentence with line and fix."""

from mlplatform.config.platform import Platform, PlatformConfigError, ProjectConfig, load_platform
from mlplatform.config.sections import (
    ExistingNetworkSettings,
    ExperimentStoreSettings,
    NetworkSettings,
    ProjectStudioSettings,
    TrainingEnvironmentSettings,
)

__all__ = [
    "ExistingNetworkSettings",
    "ExperimentStoreSettings",
    "NetworkSettings",
    "Platform",
    "PlatformConfigError",
    "ProjectConfig",
    "ProjectStudioSettings",
    "TrainingEnvironmentSettings",
    "load_platform",
]
