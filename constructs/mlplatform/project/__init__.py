"""A team's isolated home on the platform."""

from mlplatform.project.access import OidcSubjects, ProjectAccess
from mlplatform.project.limits import JobLimits, takes_volume_key
from mlplatform.project.project import MlProject

__all__ = ["JobLimits", "MlProject", "OidcSubjects", "ProjectAccess", "takes_volume_key"]
