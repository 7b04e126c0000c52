"""SageMaker Studio: the domain of an environment, the people of its projects, and their image."""

from mlplatform.training_environment.images import StudioImage
from mlplatform.training_environment.limits import StudioLimits
from mlplatform.training_environment.team import StudioTeam
from mlplatform.training_environment.training_environment import AuthMode, HomeFileSystem, TrainingEnvironment

__all__ = ["AuthMode", "HomeFileSystem", "StudioImage", "StudioLimits", "StudioTeam", "TrainingEnvironment"]
