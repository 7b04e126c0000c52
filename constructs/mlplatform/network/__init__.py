"""Networks in which jobs run without a way to the internet."""

from mlplatform.network.endpoints import InterfaceEndpoint
from mlplatform.network.network import PlatformNetwork, ProjectNetwork

__all__ = ["InterfaceEndpoint", "PlatformNetwork", "ProjectNetwork"]
