"""PlatformNetwork: no way out but the endpoints."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template

from mlplatform.network import (
    ENDPOINT_SETS,
    STUDIO_REQUIRED,
    Egress,
    ExistingNetwork,
    InterfaceEndpoint,
    PlatformNetwork,
)


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


def test_gateway_endpoints_serve_this_account_and_read_the_layers_of_images(default: dict[str, Any]) -> None:
    statements = {
        endpoint["ServiceName"].rpartition(".")[2]: {
            statement["Sid"]: statement for statement in endpoint["PolicyDocument"]["Statement"]
        }
        for endpoint in properties(default, "AWS::EC2::VPCEndpoint")
    }
    assert {service: set(found) for service, found in statements.items()} == {
        "s3": {"WithinThisAccount", "ReadImageLayers"},
        "dynamodb": {"WithinThisAccount"},
    }
    for found in statements.values():
        assert found["WithinThisAccount"]["Condition"] == {
            "StringEquals": {"aws:PrincipalAccount": "123456789012", "aws:ResourceAccount": "123456789012"}
        }
    assert statements["s3"]["ReadImageLayers"]["Action"] == "s3:GetObject"
    assert statements["s3"]["ReadImageLayers"]["Resource"] == "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"


def group(template: dict[str, Any], role: str) -> dict[str, Any]:
    """The properties of the security group of a role."""
    (found,) = (
        resource["Properties"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::EC2::SecurityGroup" and f"Network{role}SecurityGroup" in logical_id
    )
    return dict(found)


def test_every_role_has_a_group_that_is_reached_from_itself_only(default: dict[str, Any]) -> None:
    for role in ("Job", "Studio"):
        assert "SecurityGroupIngress" not in group(default, role)
    ingress = properties(default, "AWS::EC2::SecurityGroupIngress")
    assert len(ingress) == 2
    assert all(rule["SourceSecurityGroupId"] == rule["GroupId"] for rule in ingress)


def test_jobs_and_studio_go_out_by_https_only(default: dict[str, Any]) -> None:
    for role in ("Job", "Studio"):
        rules = group(default, role)["SecurityGroupEgress"]
        assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules] == [("tcp", 443, 443)]


def test_with_prefix_lists_jobs_go_out_to_these_and_the_network() -> None:
    _, template = synthesize(gateway_prefix_list_ids=["pl-1", "pl-2"])
    targets = [
        rule.get("CidrIp", rule.get("DestinationPrefixListId"))
        for rule in group(template, "Job")["SecurityGroupEgress"]
    ]
    assert targets == ["10.40.0.0/16", "pl-1", "pl-2"]


def test_interface_endpoints_take_https_from_the_network() -> None:
    _, template = synthesize(interface_endpoints=[InterfaceEndpoint.SAGEMAKER_API, InterfaceEndpoint.STS])
    endpoints = [e for e in properties(template, "AWS::EC2::VPCEndpoint") if e["VpcEndpointType"] == "Interface"]
    assert [endpoint["ServiceName"].rpartition("us-east-1.")[2] for endpoint in endpoints] == ["sagemaker.api", "sts"]
    assert [rule["CidrIp"] for rule in group(template, "Endpoint")["SecurityGroupIngress"]] == ["10.40.0.0/16"]


def test_studio_and_mlflow_are_services_of_another_form() -> None:
    """As the CDK's own list of services has it."""
    own = ec2.InterfaceVpcEndpointAwsService
    stack = Stack(App(), "Names", env=Environment(account="123456789012", region="us-east-1"))
    for endpoint, service in {
        InterfaceEndpoint.SAGEMAKER_API: own.SAGEMAKER_API,
        InterfaceEndpoint.SAGEMAKER_MLFLOW: own.SAGEMAKER_EXPERIMENTS,
        InterfaceEndpoint.SAGEMAKER_RUNTIME: own.SAGEMAKER_RUNTIME,
        InterfaceEndpoint.SAGEMAKER_STUDIO: own.SAGEMAKER_STUDIO,
    }.items():
        name = str(stack.resolve(service.name)).replace(str({"Ref": "AWS::Region"}), "us-east-1")
        assert endpoint.service_name("us-east-1").removeprefix("com.amazonaws.us-east-1.") in name


def test_the_sets_hold_what_studio_needs_and_name_nothing_twice() -> None:
    assert set(STUDIO_REQUIRED) <= set(ENDPOINT_SETS["studio"])
    assert all(len(set(endpoints)) == len(endpoints) for endpoints in ENDPOINT_SETS.values())


ALLOWED = Egress(allowed_domains=("packages.example.com", "downloads.example.org"))


@pytest.fixture(scope="module")
def with_egress() -> tuple[PlatformNetwork, dict[str, Any]]:
    return synthesize(egress=ALLOWED, availability_zones=3)


def test_egress_is_one_nat_gateway_for_studio_and_none_for_jobs(
    with_egress: tuple[PlatformNetwork, dict[str, Any]],
) -> None:
    network, template = with_egress
    assert len(properties(template, "AWS::EC2::NatGateway")) == 1
    assert not set(network.studio.subnet_ids) & set(network.jobs.subnet_ids)
    assert len(network.studio.subnet_ids) == 3
    isolated = [route["RouteTableId"]["Fn::GetAtt"][0] for route in properties(template, "AWS::EC2::Route")]
    assert not any("IsolatedRoutes" in name for name in isolated)


def test_egress_reaches_s3_and_dynamodb_by_their_gateways(with_egress: tuple[PlatformNetwork, dict[str, Any]]) -> None:
    gateways = [
        endpoint
        for endpoint in properties(with_egress[1], "AWS::EC2::VPCEndpoint")
        if endpoint["VpcEndpointType"] == "Gateway"
    ]
    assert [len(endpoint["RouteTableIds"]) for endpoint in gateways] == [2, 2]


def test_with_egress_only_listed_names_resolve(with_egress: tuple[PlatformNetwork, dict[str, Any]]) -> None:
    template = with_egress[1]
    lists = {
        logical_id: resource["Properties"]["Domains"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Route53Resolver::FirewallDomainList"
    }
    (rules,) = properties(template, "AWS::Route53Resolver::FirewallRuleGroup")
    allow, block = sorted(rules["FirewallRules"], key=lambda rule: int(rule["Priority"]))
    allowed = lists[allow["FirewallDomainListId"]["Fn::GetAtt"][0]]
    assert allow["Action"] == "ALLOW"
    assert {"packages.example.com", "downloads.example.org", "*.us-east-1.amazonaws.com"} <= set(allowed)
    assert "*.amazonaws.com" not in allowed
    assert (block["Action"], lists[block["FirewallDomainListId"]["Fn::GetAtt"][0]]) == ("BLOCK", ["*"])


def test_ranges_with_egress_do_not_overlap(with_egress: tuple[PlatformNetwork, dict[str, Any]]) -> None:
    ranges = [ipaddress.IPv4Network(s["CidrBlock"]) for s in properties(with_egress[1], "AWS::EC2::Subnet")]
    assert len(ranges) == 7
    assert not any(a.overlaps(b) for index, a in enumerate(ranges) for b in ranges[index + 1 :])


def test_an_existing_vpc_gets_security_groups_and_nothing_else() -> None:
    stack = Stack(App(), "Existing", env=Environment(account="123456789012", region="us-east-1"))
    network = ExistingNetwork(stack, "Network", vpc_id="vpc-1", subnet_ids=["subnet-1", "subnet-2"], cidr="10.0.0.0/16")
    template = dict(Template.from_stack(stack).to_json())
    assert {resource["Type"].removeprefix("AWS::EC2::") for resource in template["Resources"].values()} == {
        "SecurityGroup",
        "SecurityGroupIngress",
        "SecurityGroupEgress",
    }
    assert {found["VpcId"] for found in properties(template, "AWS::EC2::SecurityGroup")} == {"vpc-1"}
    assert network.studio.vpc_id == "vpc-1"
    assert network.jobs.subnet_ids == network.studio.subnet_ids == ("subnet-1", "subnet-2")


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


def test_egress_needs_domains_and_room() -> None:
    with pytest.raises(ValueError, match="egress allows no domain") as raised:
        synthesize(availability_zones=4, egress=Egress(allowed_domains=()))
    assert "availability_zones 4 leaves no room for egress; use at most 3" in str(raised.value)
