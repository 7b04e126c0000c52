"""The network of an environment, which outlives the projects in it."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.config import NetworkSettings
from mlplatform.network import InterfaceEndpoint, PlatformNetwork


class NetworkStack(Stack):
    """`PlatformNetwork` as platform.yaml describes it."""

    def __init__(self, scope: Construct, construct_id: str, *, env: Environment, settings: NetworkSettings) -> None:
        super().__init__(
            scope, construct_id, env=env, description="ML platform: isolated network for the jobs of all projects"
        )
        self.network = PlatformNetwork(
            self,
            "Network",
            cidr=settings.cidr,
            availability_zones=settings.availability_zones,
            interface_endpoints=[InterfaceEndpoint(name) for name in settings.interface_endpoints],
            gateway_prefix_list_ids=settings.gateway_prefix_list_ids,
        )
