"""The network of an environment, which outlives the projects in it."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.config import ExistingNetworkSettings, NetworkSettings
from mlplatform.network import Egress, ExistingNetwork, InterfaceEndpoint, PlatformNetwork


class NetworkStack(Stack):
    """`PlatformNetwork` as platform.yaml describes it, or `ExistingNetwork` where it names a VPC."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        settings: NetworkSettings | ExistingNetworkSettings,
    ) -> None:
        super().__init__(
            scope, construct_id, env=env, description="ML platform: network for the jobs and people of all projects"
        )
        self.network = (
            self._existing(settings) if isinstance(settings, ExistingNetworkSettings) else self._own(settings)
        )

    def _own(self, settings: NetworkSettings) -> PlatformNetwork:
        egress = settings.egress
        return PlatformNetwork(
            self,
            "Network",
            cidr=settings.cidr,
            availability_zones=settings.availability_zones,
            interface_endpoints=[InterfaceEndpoint(name) for name in settings.interface_endpoints],
            gateway_prefix_list_ids=settings.gateway_prefix_list_ids,
            egress=None if egress is None else Egress(allowed_domains=tuple(egress.allowed_domains)),
        )

    def _existing(self, settings: ExistingNetworkSettings) -> ExistingNetwork:
        return ExistingNetwork(
            self,
            "Network",
            vpc_id=settings.vpc_id,
            subnet_ids=settings.subnet_ids,
            cidr=settings.cidr,
            gateway_prefix_list_ids=settings.gateway_prefix_list_ids,
        )
