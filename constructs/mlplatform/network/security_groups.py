"""Security groups by role: members talk to each other and, by HTTPS, to the endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

_HTTPS = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}


def role_security_group(
    scope: Construct,
    role: str,
    *,
    description: str,
    vpc_id: str,
    cidr: str,
    gateway_prefix_list_ids: Sequence[str] = (),
) -> str:
    """Create the group `<role>SecurityGroup`: in from itself, out to itself and by HTTPS; returns its id.

    HTTPS goes anywhere that a route leads; with `gateway_prefix_list_ids` only to these and to `cidr`.
    """
    group = ec2.CfnSecurityGroup(
        scope,
        f"{role}SecurityGroup",
        group_description=description,
        vpc_id=vpc_id,
        security_group_egress=_https_egress(cidr, gateway_prefix_list_ids),
    )
    group_id: str = group.attr_group_id
    ec2.CfnSecurityGroupIngress(
        scope,
        f"From{role}s",
        group_id=group_id,
        source_security_group_id=group_id,
        ip_protocol="tcp",
        from_port=0,
        to_port=65535,
        description="From each other",
    )
    ec2.CfnSecurityGroupEgress(
        scope,
        f"To{role}s",
        group_id=group_id,
        destination_security_group_id=group_id,
        ip_protocol="tcp",
        from_port=0,
        to_port=65535,
        description="To each other",
    )
    return group_id


def _https_egress(cidr: str, prefix_list_ids: Sequence[str]) -> list[dict[str, object]]:
    if not prefix_list_ids:
        return [{**_HTTPS, "cidrIp": "0.0.0.0/0", "description": "HTTPS, to where a route leads"}]
    return [
        {**_HTTPS, "cidrIp": cidr, "description": "Interface endpoints"},
        *(
            {**_HTTPS, "destinationPrefixListId": prefix_list, "description": "Gateway endpoint"}
            for prefix_list in prefix_list_ids
        ),
    ]
