"""`PlatformNetwork`: an isolated VPC in which every project's jobs of an environment run."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Fn, Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from mlpipelines import NetworkConfig
from mlplatform.network.egress import Egress, create_egress, egress_problems
from mlplatform.network.endpoints import (
    InterfaceEndpoint,
    create_gateway_endpoint,
    create_interface_endpoints,
)
from mlplatform.network.flow_logs import flow_logs
from mlplatform.network.security_groups import role_security_group

_SUBNET_BITS = 3
MAX_AVAILABILITY_ZONES = 2**_SUBNET_BITS
MIN_PREFIX_LENGTH, MAX_PREFIX_LENGTH = 16, 25
"""VPCs and subnets take /16 to /28 (VPC user guide, "VPC CIDR blocks"); our subnets are 3 bits smaller."""
_JOBS = "Jobs of projects: in from each other, out to each other and by HTTPS"
_STUDIO = "Studio apps and their home directories: in from each other, out to each other and by HTTPS"


@dataclass(frozen=True, kw_only=True)
class ProjectNetwork:
    """Where the jobs of a project run: subnets and security groups that exist."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    @property
    def config(self) -> NetworkConfig:
        """The same for the steps of a pipeline; traffic between the instances of one job is encrypted."""
        return NetworkConfig(
            subnets=self.subnet_ids,
            security_group_ids=self.security_group_ids,
            encrypt_inter_container_traffic=True,
        )


@dataclass(frozen=True, kw_only=True)
class StudioNetwork:
    """Where Studio's apps run: a VPC, and subnets and security groups in it."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


class PlatformNetwork(Construct):
    """A VPC without a way out: isolated subnets, gateway endpoints to S3 and DynamoDB, encrypted flow logs.

    When to use: once per environment; hand `jobs` to each `MlProject` and `studio` to the `TrainingEnvironment`. There
    is no internet gateway and no NAT, so nothing here costs per hour until `interface_endpoints` or `egress` are asked
    for. In a VPC that exists already, use `ExistingNetwork`.

    Security groups by role: jobs, Studio and endpoints. The first two take from themselves only, and send to themselves
    and by HTTPS. Out of isolated subnets HTTPS reaches nothing but the endpoints; with `gateway_prefix_list_ids` the
    jobs' group itself says so, too.
    The VPC's default security group stays as AWS makes it (in from itself, out to anywhere): CloudFormation
    cannot empty it without a custom resource. Nothing here joins it.

    Args:
        scope: a stack.
        construct_id: id within `scope`.
        cidr: IPv4 range of the VPC, /16 to /25; each zone gets an eighth of it, so that zones can be added
            later.
        availability_zones: number of zones to spread over, 1 to 8; the region's first ones are taken.
        interface_endpoints: further services that can be reached; each costs per hour and zone.
        gateway_prefix_list_ids: ids of the region's managed prefix lists of S3 and DynamoDB
            (`aws ec2 describe-managed-prefix-lists`); when given, HTTPS of jobs goes out to these and the VPC only.
        egress: when given, Studio gets subnets of its own with a NAT gateway and a list of domains that resolve; jobs
            stay isolated. Takes at most 3 zones.
        flow_log_retention_days: how long flow logs are kept.

    Raises:
        ValueError: `cidr`, `availability_zones` or `egress` is out of range; all problems in one message.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cidr: str,
        availability_zones: int = 2,
        interface_endpoints: Sequence[InterfaceEndpoint] = (),
        gateway_prefix_list_ids: Sequence[str] = (),
        egress: Egress | None = None,
        flow_log_retention_days: int = 90,
    ) -> None:
        problems = [
            *network_problems(cidr=cidr, availability_zones=availability_zones),
            *egress_problems(egress, availability_zones=availability_zones),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        account, region, partition = stack.account, stack.region, stack.partition
        vpc = ec2.CfnVPC(self, "Vpc", cidr_block=cidr, enable_dns_hostnames=True, enable_dns_support=True)
        self.vpc_id: str = vpc.attr_vpc_id
        route_table = ec2.CfnRouteTable(self, "IsolatedRoutes", vpc_id=self.vpc_id)
        route_table_ids: list[str] = [route_table.attr_route_table_id]
        ranges = [str(part) for part in ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=_SUBNET_BITS)]
        self.subnet_ids = self._create_subnets(ranges[:availability_zones], route_table_ids[0])
        self._studio_subnet_ids = self.subnet_ids
        if egress is not None:
            created = create_egress(
                self, egress, vpc_id=self.vpc_id, region=region, ranges=ranges, availability_zones=availability_zones
            )
            self._studio_subnet_ids = created.subnet_ids
            route_table_ids.append(created.route_table_id)
        for construct_name, service in (("S3Endpoint", "s3"), ("DynamoDbEndpoint", "dynamodb")):
            create_gateway_endpoint(
                self,
                construct_name,
                service=service,
                region=region,
                account=account,
                partition=partition,
                vpc_id=self.vpc_id,
                route_table_ids=route_table_ids,
            )
        create_interface_endpoints(
            self,
            endpoints=interface_endpoints,
            region=region,
            vpc_id=self.vpc_id,
            cidr=cidr,
            subnet_ids=self.subnet_ids,
        )
        self.job_security_group_id = role_security_group(
            self,
            "Job",
            description=_JOBS,
            vpc_id=self.vpc_id,
            cidr=cidr,
            gateway_prefix_list_ids=gateway_prefix_list_ids,
        )
        self.studio_security_group_id = role_security_group(
            self, "Studio", description=_STUDIO, vpc_id=self.vpc_id, cidr=cidr
        )
        flow_logs(
            self,
            vpc_id=self.vpc_id,
            account=account,
            region=region,
            partition=partition,
            retention_days=flow_log_retention_days,
        )

    @property
    def jobs(self) -> ProjectNetwork:
        """Where jobs of projects run."""
        return ProjectNetwork(subnet_ids=self.subnet_ids, security_group_ids=(self.job_security_group_id,))

    @property
    def studio(self) -> StudioNetwork:
        """Where Studio's apps run: beside the jobs, or in subnets of their own if there is egress."""
        return StudioNetwork(
            vpc_id=self.vpc_id,
            subnet_ids=self._studio_subnet_ids,
            security_group_ids=(self.studio_security_group_id,),
        )

    def _create_subnets(self, ranges: Sequence[str], route_table_id: str) -> tuple[str, ...]:
        zones = Fn.get_azs()
        ids = []
        for index, subnet_range in enumerate(ranges):
            subnet = ec2.CfnSubnet(
                self,
                f"IsolatedSubnet{index + 1}",
                vpc_id=self.vpc_id,
                cidr_block=subnet_range,
                availability_zone=Fn.select(index, zones),
                map_public_ip_on_launch=False,
            )
            subnet_id: str = subnet.attr_subnet_id
            ec2.CfnSubnetRouteTableAssociation(
                self, f"IsolatedSubnet{index + 1}Routes", subnet_id=subnet_id, route_table_id=route_table_id
            )
            ids.append(subnet_id)
        return tuple(ids)


class ExistingNetwork(Construct):
    """A VPC that somebody else runs, with security groups of our own for jobs and Studio in it.

    When to use: instead of `PlatformNetwork` where the organization hands out VPCs. All ids are given as they are, so
    that synth looks nothing up. Routes, endpoints and flow logs are the owner's: subnets must reach S3, and the
    SageMaker API and runtime for Studio.

    Args:
        scope: a stack.
        construct_id: id within `scope`.
        vpc_id: the VPC.
        subnet_ids: private subnets in it, in two or more zones.
        cidr: its IPv4 range, for rules of the security groups.
        gateway_prefix_list_ids: as in `PlatformNetwork`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc_id: str,
        subnet_ids: Sequence[str],
        cidr: str,
        gateway_prefix_list_ids: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        jobs = role_security_group(
            self,
            "Job",
            description=_JOBS,
            vpc_id=vpc_id,
            cidr=cidr,
            gateway_prefix_list_ids=gateway_prefix_list_ids,
        )
        studio = role_security_group(self, "Studio", description=_STUDIO, vpc_id=vpc_id, cidr=cidr)
        self.jobs = ProjectNetwork(subnet_ids=tuple(subnet_ids), security_group_ids=(jobs,))
        """Where jobs of projects run."""
        self.studio = StudioNetwork(vpc_id=vpc_id, subnet_ids=tuple(subnet_ids), security_group_ids=(studio,))
        """Where Studio's apps run."""


def network_problems(*, cidr: str, availability_zones: int) -> tuple[str, ...]:
    """Say what keeps these values from being a network; empty when nothing does."""
    problems = []
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        problems.append(f"cidr {cidr!r} is not an IPv4 network ({error}); use one such as '10.40.0.0/16'")
    else:
        if not MIN_PREFIX_LENGTH <= network.prefixlen <= MAX_PREFIX_LENGTH:
            problems.append(
                f"cidr {cidr!r} has prefix length {network.prefixlen}; use /{MIN_PREFIX_LENGTH} to /{MAX_PREFIX_LENGTH}"
            )
    if not 1 <= availability_zones <= MAX_AVAILABILITY_ZONES:
        problems.append(f"availability_zones {availability_zones} is out of range; use 1 to {MAX_AVAILABILITY_ZONES}")
    return tuple(problems)
