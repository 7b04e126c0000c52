"""A Studio domain on the embedded AWS, in a network of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

import mllocal

ROLE = "arn:aws:iam::123456789012:role/notebooks"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Studio:
    """A domain, and where it is."""

    engine: mllocal.Engine
    domain_id: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_id: str

    @classmethod
    def create(cls, engine: mllocal.Engine, **options: Any) -> Studio:
        """Make a network and a domain in it, and wait until it is ready."""
        ec2, number = engine.client("ec2"), next(_NUMBERS)
        vpc_id = ec2.create_vpc(CidrBlock=f"10.{100 + number}.0.0/16")["Vpc"]["VpcId"]
        subnet_ids = tuple(
            ec2.create_subnet(
                VpcId=vpc_id, CidrBlock=f"10.{100 + number}.{index}.0/24", AvailabilityZone=f"{engine.region}{zone}"
            )["Subnet"]["SubnetId"]
            for index, zone in enumerate("ab")
        )
        group_id = ec2.create_security_group(GroupName=f"studio-{number}", Description="Studio", VpcId=vpc_id)[
            "GroupId"
        ]
        settings = {"ExecutionRole": ROLE, "SecurityGroups": [group_id]}
        created = engine.client("sagemaker").create_domain(
            **{
                "DomainName": f"studio-{number}",
                "AuthMode": "IAM",
                "AppNetworkAccessType": "VpcOnly",
                "VpcId": vpc_id,
                "SubnetIds": list(subnet_ids),
                "DefaultUserSettings": settings,
                "DefaultSpaceSettings": settings,
                **options,
            }
        )
        studio = cls(engine, created["DomainId"], vpc_id, subnet_ids, group_id)
        studio.wait("domain", "InService")
        return studio

    @property
    def sagemaker(self) -> Any:
        return self.engine.client("sagemaker")

    @property
    def file_system_id(self) -> str:
        file_system_id: str = self.sagemaker.describe_domain(DomainId=self.domain_id)["HomeEfsFileSystemId"]
        return file_system_id

    def add_profile(self, name: str) -> None:
        self.sagemaker.create_user_profile(DomainId=self.domain_id, UserProfileName=name)
        self.wait("user_profile", "InService", UserProfileName=name)

    def add_space(self, name: str, *, owner: str, sharing: str = "Private") -> None:
        self.sagemaker.create_space(
            DomainId=self.domain_id,
            SpaceName=name,
            OwnershipSettings={"OwnerUserProfileName": owner},
            SpaceSharingSettings={"SharingType": sharing},
            SpaceSettings={"AppType": "JupyterLab"},
        )
        self.wait("space", "InService", SpaceName=name)

    def start_app(self, space: str) -> dict[str, str]:
        """Start JupyterLab in a space; returns its key."""
        key = {"SpaceName": space, "AppType": "JupyterLab", "AppName": "default"}
        self.sagemaker.create_app(DomainId=self.domain_id, **key)
        self.wait("app", "InService", **key)
        return key

    def wait(self, kind: str, status: str | None, **key: str) -> None:
        """Wait for a status, or with None for the end of its existence."""
        describe = getattr(self.sagemaker, f"describe_{kind}")
        wait_until(lambda: _status(describe, {"DomainId": self.domain_id, **key}) == status)

    def left_behind(self) -> list[str]:
        """What is in the network beside the subnets and the group that were there before."""
        ec2, efs = self.engine.client("ec2"), self.engine.client("efs")
        in_the_subnets = [{"Name": "subnet-id", "Values": list(self.subnet_ids)}]
        interfaces = ec2.describe_network_interfaces(Filters=in_the_subnets)["NetworkInterfaces"]
        groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])["SecurityGroups"]
        targets = efs.describe_mount_targets()["MountTargets"]
        return [
            *(it["Description"] for it in interfaces),
            *(
                it["GroupName"]
                for it in groups
                if it["GroupId"] != self.security_group_id and it["GroupName"] != "default"
            ),
            *(it["MountTargetId"] for it in targets if it["SubnetId"] in self.subnet_ids),
        ]

    def file_systems(self) -> list[str]:
        return [it["FileSystemId"] for it in self.engine.client("efs").describe_file_systems()["FileSystems"]]


def _status(describe: Callable[..., dict[str, Any]], key: dict[str, str]) -> str | None:
    try:
        return str(describe(**key)["Status"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} seconds"
        time.sleep(0.05)
