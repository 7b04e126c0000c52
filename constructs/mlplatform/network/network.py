"""`PlatformNetwork`: an isolated VPC in which every project's jobs of an environment run."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Fn, Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from mlpipelines import NetworkConfig
from mlplatform.network.endpoints import (
    InterfaceEndpoint,
    create_gateway_endpoint,
    create_interface_endpoints,
)
from mlplatform.network.flow_logs import flow_logs

_SUBNET_BITS = 3
MAX_AVAILABILITY_ZONES = 2**_SUBNET_BITS
MIN_PREFIX_LENGTH, MAX_PREFIX_LENGTH = 16, 25
"""VPCs and subnets take /16 to /28 (VPC user guide, "VPC CIDR blocks"); our subnets are 3 bits smaller."""


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


class PlatformNetwork(Construct):
    """A VPC without a way out: isolated subnets, gateway endpoints to S3 and DynamoDB, encrypted flow logs.

    When to use: once per environment; hand `jobs` to each `MlProject`. There is no internet gateway and no
    NAT, so nothing here costs per hour until `interface_endpoints` are asked for.

    Job security group: in, only from itself; out, to itself and by HTTPS. Out of isolated subnets HTTPS
    reaches nothing but the endpoints; with `gateway_prefix_list_ids` the group itself says so, too.
    The VPC's default security group stays as AWS makes it (in from itself, out to anywhere): CloudFormation
    cannot empty it without a custom resource. Nothing here joins it, and nothing is routed out of this VPC.

    Args:
        scope: a stack.
        construct_id: id within `scope`.
        cidr: IPv4 range of the VPC, /16 to /25; each zone gets an eighth of it, so that zones can be added
            later.
        availability_zones: number of zones to spread over, 1 to 8; the region's first ones are taken.
        interface_endpoints: further services that jobs may reach; each costs per hour and zone.
        gateway_prefix_list_ids: ids of the region's managed prefix lists of S3 and DynamoDB
            (`aws ec2 describe-managed-prefix-lists`); when given, HTTPS goes out to these and the VPC only.
        flow_log_retention_days: how long flow logs are kept.

    Raises:
        ValueError: `cidr` or `availability_zones` is out of range; all problems in one message.
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
        flow_log_retention_days: int = 90,
    ) -> None:
        if problems := network_problems(cidr=cidr, availability_zones=availability_zones):
            raise ValueError("; ".join(problems))
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        account, region, partition = stack.account, stack.region, stack.partition
        vpc = ec2.CfnVPC(self, "Vpc", cidr_block=cidr, enable_dns_hostnames=True, enable_dns_support=True)
        self.vpc_id: str = vpc.attr_vpc_id
        route_table = ec2.CfnRouteTable(self, "IsolatedRoutes", vpc_id=self.vpc_id)
        route_table_id: str = route_table.attr_route_table_id
        self.subnet_ids = self._create_subnets(cidr, availability_zones, route_table_id)
        for construct_name, service in (("S3Endpoint", "s3"), ("DynamoDbEndpoint", "dynamodb")):
            create_gateway_endpoint(
                self,
                construct_name,
                service=service,
                region=region,
                account=account,
                vpc_id=self.vpc_id,
                route_table_id=route_table_id,
            )
        create_interface_endpoints(
            self,
            endpoints=interface_endpoints,
            region=region,
            vpc_id=self.vpc_id,
            cidr=cidr,
            subnet_ids=self.subnet_ids,
        )
        self.job_security_group_id = self._create_job_security_group(cidr, gateway_prefix_list_ids)
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

    def _create_subnets(self, cidr: str, availability_zones: int, route_table_id: str) -> tuple[str, ...]:
        ranges = ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=_SUBNET_BITS)
        zones = Fn.get_azs()
        ids = []
        for index, subnet_range in zip(range(availability_zones), ranges, strict=False):
            subnet = ec2.CfnSubnet(
                self,
                f"IsolatedSubnet{index + 1}",
                vpc_id=self.vpc_id,
                cidr_block=str(subnet_range),
                availability_zone=Fn.select(index, zones),
                map_public_ip_on_launch=False,
            )
            subnet_id: str = subnet.attr_subnet_id
            ec2.CfnSubnetRouteTableAssociation(
                self, f"IsolatedSubnet{index + 1}Routes", subnet_id=subnet_id, route_table_id=route_table_id
            )
            ids.append(subnet_id)
        return tuple(ids)

    def _create_job_security_group(self, cidr: str, prefix_list_ids: Sequence[str]) -> str:
        https = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
        if prefix_list_ids:
            egress = [{**https, "cidrIp": cidr, "description": "Interface endpoints"}] + [
                {**https, "destinationPrefixListId": prefix_list, "description": "Gateway endpoint"}
                for prefix_list in prefix_list_ids
            ]
        else:
            egress = [
                {
                    **https,
                    "cidrIp": "0.0.0.0/0",
                    "description": "Endpoints; isolated subnets route nowhere else",
                }
            ]
        group = ec2.CfnSecurityGroup(
            self,
            "JobSecurityGroup",
            group_description="Jobs of projects: in from each other, out to each other and by HTTPS",
            vpc_id=self.vpc_id,
            security_group_egress=egress,
        )
        group_id: str = group.attr_group_id
        ec2.CfnSecurityGroupIngress(
            self,
            "FromJobs",
            group_id=group_id,
            source_security_group_id=group_id,
            ip_protocol="tcp",
            from_port=0,
            to_port=65535,
            description="Jobs that span instances",
        )
        ec2.CfnSecurityGroupEgress(
            self,
            "ToJobs",
            group_id=group_id,
            destination_security_group_id=group_id,
            ip_protocol="tcp",
            from_port=0,
            to_port=65535,
            description="Jobs that span instances",
        )
        return group_id


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
