"""A team's isolated home on the platform."""

from mlplatform.project.access import OidcSubjects, ProjectAccess
from mlplatform.project.chat import ChatChannel, SlackChannel, TeamsChannel
from mlplatform.project.limits import JobLimits, takes_volume_key
from mlplatform.project.outputs import PublishedOutput
from mlplatform.project.project import MlProject

__all__ = [
    "ChatChannel",
    "JobLimits",
    "MlProject",
    "OidcSubjects",
    "ProjectAccess",
    "PublishedOutput",
    "SlackChannel",
    "TeamsChannel",
    "takes_volume_key",
]
