"""Security group rules and flow logs, which ministack has as API operations but not as resource types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mllocal.aws import Aws
from mllocal.sagemaker.store import Document, Scope

_SEPARATOR = "|"


@dataclass(frozen=True)
class SecurityGroupRule:
    """A rule of a group on its own. The physical id is the group's id and the rule's id."""

    direction: str
    peer_property: str

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        group = properties["GroupId"]
        authorize = getattr(Aws(scope).client("ec2"), f"authorize_security_group_{self.direction}")
        authorize(GroupId=group, IpPermissions=[self._permission(properties)])
        physical_id = _SEPARATOR.join([group, logical_id])
        return physical_id, {"Id": physical_id}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        self._revoke(scope, old)
        return self.create(scope, physical_id.split(_SEPARATOR, 1)[1], new, "")

    def delete(self, scope: Scope, physical_id: str) -> None:
        """A rule goes with its group; a group that stays keeps it, which no stack of this platform does."""

    def _revoke(self, scope: Scope, properties: Document) -> None:
        revoke = getattr(Aws(scope).client("ec2"), f"revoke_security_group_{self.direction}")
        revoke(GroupId=properties["GroupId"], IpPermissions=[self._permission(properties)])

    def _permission(self, properties: Document) -> dict[str, Any]:
        description = {"Description": properties["Description"]} if "Description" in properties else {}
        permission: dict[str, Any] = {
            "IpProtocol": properties["IpProtocol"],
            "FromPort": int(properties.get("FromPort", -1)),
            "ToPort": int(properties.get("ToPort", -1)),
        }
        if self.peer_property in properties:
            permission["UserIdGroupPairs"] = [{"GroupId": properties[self.peer_property], **description}]
        if "CidrIp" in properties:
            permission["IpRanges"] = [{"CidrIp": properties["CidrIp"], **description}]
        return permission


@dataclass(frozen=True)
class FlowLog:
    """`AWS::EC2::FlowLog`: described by the API; no traffic flows, so nothing is logged."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        request = {name: value for name, value in properties.items() if name not in ("ResourceId", "Tags", "LogFormat")}
        answer = Aws(scope).client("ec2").create_flow_logs(ResourceIds=[properties["ResourceId"]], **request)
        flow_log: str = answer["FlowLogIds"][0]
        return flow_log, {"Id": flow_log}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        self.delete(scope, physical_id)
        return self.create(scope, physical_id, new, "")

    def delete(self, scope: Scope, physical_id: str) -> None:
        Aws(scope).client("ec2").delete_flow_logs(FlowLogIds=[physical_id])
