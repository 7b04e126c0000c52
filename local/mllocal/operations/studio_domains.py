"""Operations on Studio domains, with the file system and security groups that a domain makes in the network.

As in AWS, a domain with anything in it is not deleted, its file system stays unless the request says otherwise, and its two
security groups stay in any case.
"""

from __future__ import annotations

from typing import Any

from mllocal.aws import Aws
from mllocal.errors import in_use, validation
from mllocal.operations import listing
from mllocal.operations import studio_states as states
from mllocal.sagemaker.kinds import APP, DOMAIN, SPACE, USER_PROFILE
from mllocal.sagemaker.service import Request, Service, operation, random_id
from mllocal.sagemaker.store import Document, Scope

MANAGED_BY = "ManagedByAmazonSageMakerResource"
_NFS_PORT = 2049
_NOTHING_RUNS = ("Deleted", "Failed")


@operation("CreateDomain")
def create_domain(service: Service, scope: Scope, request: Request) -> Document:
    if not request.get("VpcId") or not request.get("SubnetIds"):
        raise validation("the embedded AWS makes domains in a VPC; give VpcId and SubnetIds")
    if any(it["DomainName"] == request["DomainName"] for it in states.all_of(service, DOMAIN, scope)):
        raise in_use(f"Domain {request['DomainName']} already exists")
    domain_id = f"d-{random_id()}"
    document = {
        **request,
        "DomainId": domain_id,
        "Url": f"https://{domain_id}.studio.{scope.region}.sagemaker.aws",
        "AppNetworkAccessType": request.get("AppNetworkAccessType", "PublicInternetOnly"),
        **_home(scope, domain_id, request),
    }
    return states.create(service, DOMAIN, scope, domain_id, document)


@operation("DescribeDomain")
def describe_domain(service: Service, scope: Scope, request: Request) -> Document:
    return states.require(service, DOMAIN, scope, request["DomainId"])


@operation("UpdateDomain")
def update_domain(service: Service, scope: Scope, request: Request) -> Document:
    domain = states.require(service, DOMAIN, scope, request["DomainId"])
    changes = {name: value for name, value in request.items() if name not in ("DomainId", "DomainSettingsForUpdate")}
    if "DomainSettingsForUpdate" in request:
        changes["DomainSettings"] = {**domain.get("DomainSettings", {}), **request["DomainSettingsForUpdate"]}
    return states.update(service, DOMAIN, domain, changes)


@operation("DeleteDomain")
def delete_domain(service: Service, scope: Scope, request: Request) -> Document:
    domain = states.require(service, DOMAIN, scope, request["DomainId"])
    if domain["Status"] == "Deleting":
        return {}
    for kind in (APP, SPACE, USER_PROFILE):
        contents = states.all_of(service, kind, scope, domain["DomainId"])
        if any(it["Status"] not in _NOTHING_RUNS for it in contents):
            raise in_use(
                f"Unable to delete Domain [{domain['DomainArn']}] because {kind.name}(s) are associated with it."
            )
    retention = request.get("RetentionPolicy", {}).get("HomeEfsFileSystem", "Retain")
    if retention == "Delete" and "HomeEfsFileSystemId" in domain:
        _delete_home(scope, domain["HomeEfsFileSystemId"])
    for app in states.all_of(service, APP, scope, domain["DomainId"]):
        service.store.delete(app["AppArn"])
    states.delete(service, DOMAIN, domain)
    return {}


@operation("ListDomains")
def list_domains(service: Service, scope: Scope, request: Request) -> Document:
    return listing.page(DOMAIN, states.all_of(service, DOMAIN, scope), request, "Domains", order="Descending")


def _home(scope: Scope, domain_id: str, request: Request) -> Document:
    """The file system of home directories, mounted in every subnet behind two security groups that know each other."""
    if request.get("HomeEfsFileSystemCreation") == "Disabled":
        return {}
    efs = Aws(scope).client("efs")
    tag = {"Key": MANAGED_BY, "Value": scope.arn(f"domain/{domain_id}")}
    key = {"KmsKeyId": request["KmsKeyId"]} if "KmsKeyId" in request else {}
    created = efs.create_file_system(CreationToken=domain_id, Encrypted=True, Tags=[tag], **key)
    file_system_id: str = created["FileSystemId"]
    inbound = _security_groups(scope, domain_id, request["VpcId"], tag)
    for subnet_id in request["SubnetIds"]:
        efs.create_mount_target(FileSystemId=file_system_id, SubnetId=subnet_id, SecurityGroups=[inbound])
    return {"HomeEfsFileSystemId": file_system_id}


def _security_groups(scope: Scope, domain_id: str, vpc_id: str, tag: dict[str, str]) -> str:
    ec2 = Aws(scope).client("ec2")
    inbound, outbound = (
        ec2.create_security_group(
            GroupName=f"security-group-for-{direction}-nfs-{domain_id}",
            Description=f"[DO NOT DELETE] Security Group that allows {direction} NFS traffic for Domain [{domain_id}]",
            VpcId=vpc_id,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": [tag]}],
        )["GroupId"]
        for direction in ("inbound", "outbound")
    )
    ec2.authorize_security_group_ingress(GroupId=inbound, IpPermissions=_nfs(outbound))
    ec2.authorize_security_group_egress(GroupId=outbound, IpPermissions=_nfs(inbound))
    group_id: str = inbound
    return group_id


def _nfs(peer: str) -> list[dict[str, Any]]:
    return [
        {
            "IpProtocol": "tcp",
            "FromPort": _NFS_PORT,
            "ToPort": _NFS_PORT,
            "UserIdGroupPairs": [{"GroupId": peer}],
        }
    ]


def _delete_home(scope: Scope, file_system_id: str) -> None:
    efs = Aws(scope).client("efs")
    for target in efs.describe_mount_targets(FileSystemId=file_system_id)["MountTargets"]:
        efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    efs.delete_file_system(FileSystemId=file_system_id)
