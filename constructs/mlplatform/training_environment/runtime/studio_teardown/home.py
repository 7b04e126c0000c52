"""What a domain leaves in the network when it is gone: mount targets, their interfaces, and two security groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .aws import client


@dataclass(frozen=True, kw_only=True)
class Home:
    """The mount targets and security groups of a domain that is gone.

    A file system that is kept keeps its data; mount targets can be made again wherever it is needed. Without them and
    the groups, subnets and VPC can be deleted.
    """

    domain_id: str
    vpc_id: str
    file_system_id: str | None

    def done(self) -> bool:
        """Delete what can be deleted now; True when nothing is left."""
        if self.file_system_id is not None and not self._unmounted(self.file_system_id):
            return False
        groups = self._groups()
        if groups and self._interfaces(groups):
            return False
        for group in groups:
            self._close(group)
        for group in groups:
            client("ec2").delete_security_group(GroupId=group["GroupId"])
        return True

    def _unmounted(self, file_system_id: str) -> bool:
        efs = client("efs")
        try:
            targets = efs.describe_mount_targets(FileSystemId=file_system_id)["MountTargets"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "FileSystemNotFound":
                raise
            return True
        for target in targets:
            if target["LifeCycleState"] == "available":
                efs.delete_mount_target(MountTargetId=target["MountTargetId"])
        return not targets

    def _groups(self) -> list[dict[str, Any]]:
        names = [f"security-group-for-{direction}-nfs-{self.domain_id}" for direction in ("inbound", "outbound")]
        filters = [{"Name": "vpc-id", "Values": [self.vpc_id]}, {"Name": "group-name", "Values": names}]
        groups: list[dict[str, Any]] = client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
        return groups

    def _interfaces(self, groups: list[dict[str, Any]]) -> bool:
        ids = [group["GroupId"] for group in groups]
        filters = [{"Name": "group-id", "Values": ids}]
        return bool(client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"])

    def _close(self, group: dict[str, Any]) -> None:
        """Take its rules away: the two groups name each other, so neither can go first with them."""
        ec2 = client("ec2")
        if group["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
