"""One way out for Studio, and only to domains on a list: a NAT gateway behind Route 53 Resolver DNS Firewall.

docs/adr/0010 has the alternatives and what each costs. Jobs never get it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53resolver as resolver
from constructs import Construct

MAX_ZONES_WITH_EGRESS = 3
"""Of the eight parts of the range, isolated subnets take the first ones, Studio as many from the fourth, NAT the last."""
_PUBLIC_RANGE = 7
_AWS_DOMAINS = (
    "*.{region}.amazonaws.com",
    "*.{region}.api.aws",
    "*.{region}.app.aws",
    "*.{region}.sagemaker.aws",
    "*.{region}.compute.internal",
    "*.ec2.internal",
)
"""What Studio and the SDKs resolve in their own Region; other Regions' names stay blocked, and so their buckets."""


@dataclass(frozen=True, kw_only=True)
class Egress:
    """The domains that the network resolves besides AWS's own of the Region: `packages.example.com`, or `*.example.com`."""

    allowed_domains: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EgressSubnets:
    """Subnets whose default route is the NAT gateway."""

    subnet_ids: tuple[str, ...]
    route_table_id: str


def egress_problems(egress: Egress | None, *, availability_zones: int) -> list[str]:
    """What keeps this egress from being built; empty when nothing does."""
    if egress is None:
        return []
    problems = []
    if not egress.allowed_domains:
        problems.append("egress allows no domain; name some, such as 'packages.example.com', or leave egress out")
    if availability_zones > MAX_ZONES_WITH_EGRESS:
        problems.append(
            f"availability_zones {availability_zones} leaves no room for egress; use at most {MAX_ZONES_WITH_EGRESS}"
        )
    return problems


def create_egress(
    scope: Construct, egress: Egress, *, vpc_id: str, region: str, ranges: Sequence[str], availability_zones: int
) -> EgressSubnets:
    """Create the NAT gateway in the first zone, Studio's subnets behind it, and the firewall on what they resolve."""
    _allow_domains(scope, egress, vpc_id=vpc_id, region=region)
    nat_gateway_id = _nat_gateway(scope, vpc_id=vpc_id, cidr=ranges[_PUBLIC_RANGE])
    routes = ec2.CfnRouteTable(scope, "EgressRoutes", vpc_id=vpc_id)
    route_table_id: str = routes.attr_route_table_id
    ec2.CfnRoute(
        scope,
        "EgressRoute",
        route_table_id=route_table_id,
        destination_cidr_block="0.0.0.0/0",
        nat_gateway_id=nat_gateway_id,
    )
    own_ranges = ranges[MAX_ZONES_WITH_EGRESS : MAX_ZONES_WITH_EGRESS + availability_zones]
    subnet_ids = tuple(
        _subnet(scope, f"EgressSubnet{zone + 1}", vpc_id, cidr, zone=zone, route_table_id=route_table_id)
        for zone, cidr in enumerate(own_ranges)
    )
    return EgressSubnets(subnet_ids=subnet_ids, route_table_id=route_table_id)


def _nat_gateway(scope: Construct, *, vpc_id: str, cidr: str) -> str:
    internet = ec2.CfnInternetGateway(scope, "InternetGateway")
    attachment = ec2.CfnVPCGatewayAttachment(
        scope, "InternetGatewayAttachment", vpc_id=vpc_id, internet_gateway_id=internet.attr_internet_gateway_id
    )
    routes = ec2.CfnRouteTable(scope, "PublicRoutes", vpc_id=vpc_id)
    route_table_id: str = routes.attr_route_table_id
    route = ec2.CfnRoute(
        scope,
        "PublicRoute",
        route_table_id=route_table_id,
        destination_cidr_block="0.0.0.0/0",
        gateway_id=internet.attr_internet_gateway_id,
    )
    route.add_resource_dependency(attachment)
    public_subnet_id = _subnet(scope, "PublicSubnet", vpc_id, cidr, zone=0, route_table_id=route_table_id)
    address = ec2.CfnEIP(scope, "NatAddress", domain="vpc")
    address.add_resource_dependency(attachment)
    gateway = ec2.CfnNatGateway(
        scope, "NatGateway", subnet_id=public_subnet_id, allocation_id=address.attr_allocation_id
    )
    gateway.add_resource_dependency(route)
    gateway_id: str = gateway.attr_nat_gateway_id
    return gateway_id


def _subnet(scope: Construct, construct_id: str, vpc_id: str, cidr: str, *, zone: int, route_table_id: str) -> str:
    subnet = ec2.CfnSubnet(
        scope,
        construct_id,
        vpc_id=vpc_id,
        cidr_block=cidr,
        availability_zone=Fn.select(zone, Fn.get_azs()),
        map_public_ip_on_launch=False,
    )
    subnet_id: str = subnet.attr_subnet_id
    ec2.CfnSubnetRouteTableAssociation(
        scope, f"{construct_id}Routes", subnet_id=subnet_id, route_table_id=route_table_id
    )
    return subnet_id


def _allow_domains(scope: Construct, egress: Egress, *, vpc_id: str, region: str) -> None:
    """Only listed names resolve. A firewall that cannot answer blocks: VPCs fail closed unless told otherwise."""
    own = [domain.format(region=region) for domain in _AWS_DOMAINS]
    allowed = resolver.CfnFirewallDomainList(scope, "AllowedDomains", domains=[*own, *egress.allowed_domains])
    everything = resolver.CfnFirewallDomainList(scope, "AllDomains", domains=["*"])
    rules = resolver.CfnFirewallRuleGroup(
        scope,
        "DomainRules",
        firewall_rules=[
            {
                "action": "ALLOW",
                "firewallDomainListId": allowed.attr_id,
                # Sites are aliases of content networks, whose names nobody can list.
                "firewallDomainRedirectionAction": "TRUST_REDIRECTION_DOMAIN",
                "priority": 1,
            },
            {
                "action": "BLOCK",
                "blockResponse": "NXDOMAIN",
                "firewallDomainListId": everything.attr_id,
                "priority": 2,
            },
        ],
    )
    resolver.CfnFirewallRuleGroupAssociation(
        scope, "DomainRulesOfTheVpc", firewall_rule_group_id=rules.attr_id, vpc_id=vpc_id, priority=101
    )
