"""Rules, flow logs and NAT gateways, which ministack has as API operations but not as resource types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mllocal.aws import Aws
from mllocal.sagemaker.store import Document, Scope


@dataclass(frozen=True)
class SecurityGroupRule:
    """A rule of a group on its own."""

    direction: str
    peer_property: str

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        authorize = getattr(Aws(scope).client("ec2"), f"authorize_security_group_{self.direction}")
        authorize(GroupId=properties["GroupId"], IpPermissions=[self._permission(properties)])
        return f"{stack}-{logical_id}", {"Id": f"{stack}-{logical_id}"}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        self.delete(scope, physical_id, old)
        self.create(scope, physical_id, new, "")
        return physical_id, {"Id": physical_id}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
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
        self.delete(scope, physical_id, old)
        return self.create(scope, physical_id, new, "")

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        Aws(scope).client("ec2").delete_flow_logs(FlowLogIds=[physical_id])


@dataclass(frozen=True)
class ElasticIp:
    """`AWS::EC2::EIP`. The physical id is the address."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        answer = Aws(scope).client("ec2").allocate_address(Domain=properties.get("Domain", "vpc"))
        address: str = answer["PublicIp"]
        return address, {"AllocationId": answer["AllocationId"], "PublicIp": address}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        return physical_id, {"AllocationId": self._allocation(scope, physical_id), "PublicIp": physical_id}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        Aws(scope).client("ec2").release_address(AllocationId=self._allocation(scope, physical_id))

    def _allocation(self, scope: Scope, address: str) -> str:
        addresses = Aws(scope).client("ec2").describe_addresses()["Addresses"]
        return next(str(it["AllocationId"]) for it in addresses if it["PublicIp"] == address)


@dataclass(frozen=True)
class NatGateway:
    """`AWS::EC2::NatGateway`: described by the API; nothing is routed through it."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        request = {name: properties[name] for name in ("AllocationId", "SubnetId")}
        gateway: str = Aws(scope).client("ec2").create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
        return gateway, {"NatGatewayId": gateway}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        if any(new.get(name) != old.get(name) for name in ("AllocationId", "SubnetId")):
            return self.create(scope, physical_id, new, "replaced")
        return physical_id, {"NatGatewayId": physical_id}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        Aws(scope).client("ec2").delete_nat_gateway(NatGatewayId=physical_id)
