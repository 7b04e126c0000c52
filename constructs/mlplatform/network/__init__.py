"""Networks in which jobs and Studio run without a way to the internet, or with a narrow one."""

from mlplatform.network.egress import Egress
from mlplatform.network.endpoints import ENDPOINT_SETS, STUDIO_REQUIRED, InterfaceEndpoint
from mlplatform.network.network import ExistingNetwork, PlatformNetwork, ProjectNetwork, StudioNetwork

__all__ = [
    "ENDPOINT_SETS",
    "STUDIO_REQUIRED",
    "Egress",
    "ExistingNetwork",
    "InterfaceEndpoint",
    "PlatformNetwork",
    "ProjectNetwork",
    "StudioNetwork",
]
