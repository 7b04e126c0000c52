"""PlatformNetwork: no way out but the endpoints."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from mlplatform.network import InterfaceEndpoint, PlatformNetwork


def synthesize(**options: Any) -> tuple[PlatformNetwork, dict[str, Any]]:
    app = App(context={"@aws-cdk/core:enablePartitionLiterals": True})
    stack = Stack(app, "Stack", env=Environment(account="123456789012", region="us-east-1"))
    network = PlatformNetwork(stack, "Network", **{"cidr": "10.40.0.0/16", **options})
    return network, dict(Template.from_stack(stack).to_json())


def properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in template["Resources"].values() if resource["Type"] == kind]


@pytest.fixture(scope="module")
def default() -> dict[str, Any]:
    """The template of a network with nothing but an address range."""
    return synthesize()[1]


def test_there_is_no_way_to_the_internet(default: dict[str, Any]) -> None:
    types = {resource["Type"] for resource in default["Resources"].values()}
    ways_out = {"InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Route", "TransitGatewayAttachment"}
    assert types.isdisjoint({f"AWS::EC2::{way}" for way in ways_out})


def test_nothing_costs_by_the_hour_unless_asked_for(default: dict[str, Any]) -> None:
    assert {endpoint["VpcEndpointType"] for endpoint in properties(default, "AWS::EC2::VPCEndpoint")} == {"Gateway"}


def test_no_custom_resource_and_no_lookup_is_needed(default: dict[str, Any]) -> None:
    assert not any(resource["Type"].startswith("Custom::") for resource in default["Resources"].values())
    assert properties(default, "AWS::Lambda::Function") == []
    zones = [subnet["AvailabilityZone"] for subnet in properties(default, "AWS::EC2::Subnet")]
    assert zones == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in (0, 1)]


@pytest.mark.parametrize("zones", [1, 3, 8])
def test_subnets_do_not_overlap_and_do_not_move_when_zones_are_added(zones: int) -> None:
    ranges = [subnet["CidrBlock"] for subnet in properties(synthesize(availability_zones=zones)[1], "AWS::EC2::Subnet")]
    assert ranges == [f"10.40.{32 * index}.0/19" for index in range(zones)]
    assert all(ipaddress.IPv4Network(block).subnet_of(ipaddress.IPv4Network("10.40.0.0/16")) for block in ranges)


def test_gateway_endpoints_serve_this_account_only(default: dict[str, Any]) -> None:
    endpoints = properties(default, "AWS::EC2::VPCEndpoint")
    assert {endpoint["ServiceName"] for endpoint in endpoints} == {
        "com.amazonaws.us-east-1.s3",
        "com.amazonaws.us-east-1.dynamodb",
    }
    for endpoint in endpoints:
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {
            "StringEquals": {"aws:PrincipalAccount": "123456789012", "aws:ResourceAccount": "123456789012"}
        }


def test_jobs_are_reached_from_jobs_only(default: dict[str, Any]) -> None:
    (group,) = properties(default, "AWS::EC2::SecurityGroup")
    (ingress,) = properties(default, "AWS::EC2::SecurityGroupIngress")
    assert "SecurityGroupIngress" not in group
    assert ingress["SourceSecurityGroupId"] == ingress["GroupId"]


def test_jobs_go_out_by_https_only(default: dict[str, Any]) -> None:
    (group,) = properties(default, "AWS::EC2::SecurityGroup")
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]] == [
        ("tcp", 443, 443)
    ]


def test_with_prefix_lists_jobs_go_out_to_these_and_the_network() -> None:
    _, template = synthesize(gateway_prefix_list_ids=["pl-1", "pl-2"])
    (group,) = properties(template, "AWS::EC2::SecurityGroup")
    targets = [rule.get("CidrIp", rule.get("DestinationPrefixListId")) for rule in group["SecurityGroupEgress"]]
    assert targets == ["10.40.0.0/16", "pl-1", "pl-2"]


def test_interface_endpoints_take_https_from_the_network() -> None:
    _, template = synthesize(interface_endpoints=[InterfaceEndpoint.SAGEMAKER_API, InterfaceEndpoint.STS])
    endpoints = [e for e in properties(template, "AWS::EC2::VPCEndpoint") if e["VpcEndpointType"] == "Interface"]
    assert [endpoint["ServiceName"].rpartition("us-east-1.")[2] for endpoint in endpoints] == ["sagemaker.api", "sts"]
    (group,) = (g for g in properties(template, "AWS::EC2::SecurityGroup") if "SecurityGroupIngress" in g)
    assert [rule["CidrIp"] for rule in group["SecurityGroupIngress"]] == ["10.40.0.0/16"]


def test_flow_logs_record_all_traffic_under_a_key(default: dict[str, Any]) -> None:
    (flow_log,) = properties(default, "AWS::EC2::FlowLog")
    (group,) = properties(default, "AWS::Logs::LogGroup")
    assert flow_log["TrafficType"] == "ALL"
    assert group["KmsKeyId"]["Fn::GetAtt"][1] == "Arn"
    assert group["RetentionInDays"] == 90


def test_jobs_get_every_subnet_and_encrypt_what_they_say_to_each_other() -> None:
    network, _ = synthesize(availability_zones=3)
    config = network.jobs.config
    assert tuple(config.subnets) == network.subnet_ids
    assert len(network.subnet_ids) == 3
    assert config.encrypt_inter_container_traffic


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/8' has prefix length 8; use /16 to /25") as raised:
        synthesize(cidr="10.0.0.0/8", availability_zones=9)
    assert "availability_zones 9 is out of range; use 1 to 8" in str(raised.value)
