"""What AWS refuses to delete because something is still in it, and ministack would let go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mllocal.aws import Aws
from mllocal.sagemaker.store import Scope

Dependencies = Callable[[Scope, str], list[str]]
"""What stands in the way of deleting the resource with a physical id."""


def of_subnet(scope: Scope, subnet_id: str) -> list[str]:
    return [
        *(it["NetworkInterfaceId"] for it in _interfaces(scope) if it["SubnetId"] == subnet_id),
        *(it["MountTargetId"] for it in _mount_targets(scope) if it["SubnetId"] == subnet_id),
    ]


def of_security_group(scope: Scope, group_id: str) -> list[str]:
    return [
        *(
            it["NetworkInterfaceId"]
            for it in _interfaces(scope)
            if group_id in [group["GroupId"] for group in it["Groups"]]
        ),
        *(
            group["GroupId"]
            for group in _groups(scope)
            if group["GroupId"] != group_id and group_id in _named_in(group)
        ),
    ]


def of_vpc(scope: Scope, vpc_id: str) -> list[str]:
    return [
        group["GroupId"] for group in _groups(scope) if group["VpcId"] == vpc_id and group["GroupName"] != "default"
    ]


DEPENDENCIES: dict[str, Dependencies] = {
    "AWS::EC2::SecurityGroup": of_security_group,
    "AWS::EC2::Subnet": of_subnet,
    "AWS::EC2::VPC": of_vpc,
}


def _interfaces(scope: Scope) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Aws(scope).client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    return found


def _mount_targets(scope: Scope) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Aws(scope).client("efs").describe_mount_targets()["MountTargets"]
    return found


def _groups(scope: Scope) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Aws(scope).client("ec2").describe_security_groups()["SecurityGroups"]
    return found


def _named_in(group: dict[str, Any]) -> set[str]:
    """The groups that a group's rules name."""
    rules = [*group.get("IpPermissions", []), *group.get("IpPermissionsEgress", [])]
    return {pair["GroupId"] for rule in rules for pair in rule.get("UserIdGroupPairs", [])}
