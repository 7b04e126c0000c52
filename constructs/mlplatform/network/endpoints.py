"""The doors of an isolated network: gateway endpoints are free, interface endpoints are not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

_S3_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
_DYNAMODB_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
)
GATEWAY_ACTIONS = {"s3": _S3_ACTIONS, "dynamodb": _DYNAMODB_ACTIONS}


class InterfaceEndpoint(StrEnum):
    """An AWS service that jobs can reach from an isolated network, at a price per hour and availability zone.

    The value is the last part of the service's name, as in `com.amazonaws.us-east-1.sagemaker.api`.
    """

    CLOUDWATCH_LOGS = "logs"
    CLOUDWATCH_METRICS = "monitoring"
    ECR_API = "ecr.api"
    ECR_DOCKER = "ecr.dkr"
    EVENTBRIDGE = "events"
    KMS = "kms"
    LAMBDA = "lambda"
    SAGEMAKER_API = "sagemaker.api"
    SAGEMAKER_RUNTIME = "sagemaker.runtime"
    SECRETS_MANAGER = "secretsmanager"
    SSM = "ssm"
    STEP_FUNCTIONS = "states"
    STS = "sts"


def create_gateway_endpoint(
    scope: Construct,
    construct_id: str,
    *,
    service: str,
    region: str,
    account: str,
    vpc_id: str,
    route_table_id: str,
) -> ec2.CfnVPCEndpoint:
    """Route `s3` or `dynamodb` to AWS without the internet, for principals and resources of `account` only.

    The policy keeps a job from copying data to somebody else's bucket or table.
    """
    return ec2.CfnVPCEndpoint(
        scope,
        construct_id,
        service_name=f"com.amazonaws.{region}.{service}",
        vpc_endpoint_type="Gateway",
        vpc_id=vpc_id,
        route_table_ids=[route_table_id],
        policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "WithinThisAccount",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": list(GATEWAY_ACTIONS[service]),
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}},
                }
            ],
        },
    )


def create_interface_endpoints(
    scope: Construct,
    *,
    endpoints: Sequence[InterfaceEndpoint],
    region: str,
    vpc_id: str,
    cidr: str,
    subnet_ids: Sequence[str],
) -> None:
    """Create the endpoints with private DNS, behind one security group that takes HTTPS from the network."""
    if not endpoints:
        return
    group = ec2.CfnSecurityGroup(
        scope,
        "EndpointSecurityGroup",
        group_description="Interface endpoints: HTTPS from within the network",
        vpc_id=vpc_id,
        security_group_ingress=[
            {
                "ipProtocol": "tcp",
                "fromPort": 443,
                "toPort": 443,
                "cidrIp": cidr,
                "description": "HTTPS from the network",
            }
        ],
        security_group_egress=[
            {
                "ipProtocol": "tcp",
                "fromPort": 443,
                "toPort": 443,
                "cidrIp": cidr,
                "description": "Replies to the network",
            }
        ],
    )
    group_id: str = group.attr_group_id
    for endpoint in endpoints:
        ec2.CfnVPCEndpoint(
            scope,
            f"{endpoint.name.title().replace('_', '')}Endpoint",
            service_name=f"com.amazonaws.{region}.{endpoint.value}",
            vpc_endpoint_type="Interface",
            vpc_id=vpc_id,
            subnet_ids=list(subnet_ids),
            security_group_ids=[group_id],
            private_dns_enabled=True,
        )
