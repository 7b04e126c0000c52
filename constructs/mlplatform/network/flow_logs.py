"""Flow logs of a VPC: who talked to whom, encrypted and kept for a while."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlplatform.keys import key_policy
from mlplatform.policy import ServiceRole, Statement


def flow_logs(scope: Construct, *, vpc_id: str, account: str, region: str, partition: str, retention_days: int) -> None:
    """Record all traffic of the VPC in a log group under a key of its own; both outlive the stack, for audits."""
    key = kms.CfnKey(
        scope,
        "FlowLogKey",
        description="Flow logs of the platform's network",
        enable_key_rotation=True,
        key_policy=key_policy(partition=partition, region=region, account=account),
    )
    group = logs.CfnLogGroup(scope, "FlowLogs", kms_key_id=key.attr_arn, retention_in_days=retention_days)
    for kept in (key, group):
        kept.apply_removal_policy(RemovalPolicy.RETAIN)
    group_arn: str = group.attr_arn
    role = ServiceRole(
        scope,
        "FlowLogRole",
        service="vpc-flow-logs.amazonaws.com",
        account=account,
        description="Writes the flow logs of the platform's network",
        statements=[
            Statement(
                sid="WriteFlowLogs",
                actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                # The attribute ends in ':*', which stands for the streams of this one group.
                resources=[group_arn],
            ),
            Statement(
                sid="FindTheLogGroup",
                actions=["logs:DescribeLogGroups"],
                resources=[f"arn:{partition}:logs:{region}:{account}:log-group:*"],
                wildcard_reason="DescribeLogGroups lists; it cannot be confined to one group",
            ),
        ],
    )
    ec2.CfnFlowLog(
        scope,
        "FlowLog",
        resource_id=vpc_id,
        resource_type="VPC",
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_group_name=group.ref,
        deliver_logs_permission_arn=role.arn,
    )
