"""A network with a way out, on the embedded AWS: made and deleted by CloudFormation."""

from __future__ import annotations

import json

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

import mllocal
from mlplatform.network import Egress, PlatformNetwork


def test_a_network_with_egress_is_made_and_leaves_nothing(engine: mllocal.Engine) -> None:
    stack = Stack(App(), "Egress", env=Environment(account=engine.account, region=engine.region))
    PlatformNetwork(stack, "Network", cidr="10.77.0.0/16", egress=Egress(allowed_domains=("packages.example.com",)))
    template = dict(Template.from_stack(stack).to_json())
    for part in ("Rules", "Parameters"):  # The CDK's own check of its bootstrap, which this test does without.
        template.pop(part)
    cloudformation, ec2 = engine.client("cloudformation"), engine.client("ec2")
    patience = {"Delay": 0.2, "MaxAttempts": 300}

    cloudformation.create_stack(StackName="egress", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="egress", WaiterConfig=patience)
    (vpc,) = (it for it in ec2.describe_vpcs()["Vpcs"] if it["CidrBlock"] == "10.77.0.0/16")
    (gateway,) = (it for it in ec2.describe_nat_gateways()["NatGateways"] if it["VpcId"] == vpc["VpcId"])
    addresses = len(ec2.describe_addresses()["Addresses"])
    cloudformation.delete_stack(StackName="egress")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="egress", WaiterConfig=patience)

    assert gateway["State"] == "available"
    assert vpc["VpcId"] not in [it["VpcId"] for it in ec2.describe_vpcs()["Vpcs"]]
    assert len(ec2.describe_addresses()["Addresses"]) == addresses - 1
