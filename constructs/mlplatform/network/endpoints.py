"""The doors of an isolated network: gateway endpoints are free, interface endpoints are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """An AWS service that can be reached from an isolated network, at a price per hour and availability zone.

    The values are what `platform.yaml` says; `service_name` gives the name that AWS knows.
    """

    CLOUDWATCH_LOGS = "logs"
    CLOUDWATCH_METRICS = "monitoring"
    ECR_API = "ecr.api"
    ECR_DOCKER = "ecr.dkr"
    EVENTBRIDGE = "events"
    KMS = "kms"
    LAMBDA = "lambda"
    SAGEMAKER_API = "sagemaker.api"
    SAGEMAKER_MLFLOW = "sagemaker.mlflow"
    SAGEMAKER_RUNTIME = "sagemaker.runtime"
    SAGEMAKER_STUDIO = "sagemaker.studio"
    SECRETS_MANAGER = "secretsmanager"
    SSM = "ssm"
    STEP_FUNCTIONS = "states"
    STS = "sts"

    def service_name(self, region: str) -> str:
        """The name of the endpoint service, such as `com.amazonaws.us-east-1.sagemaker.api`.

        Studio and MLflow have names of another form (SageMaker AI developer guide, "Connect to Studio through an
        interface VPC endpoint" and "Create a VPC endpoint" for MLflow, whose service is called `experiments`).
        """
        own_name = _SAGEMAKER_APPS.get(self)
        return f"com.amazonaws.{region}.{self.value}" if own_name is None else f"aws.sagemaker.{region}.{own_name}"


_SAGEMAKER_APPS = {InterfaceEndpoint.SAGEMAKER_MLFLOW: "experiments", InterfaceEndpoint.SAGEMAKER_STUDIO: "studio"}

STUDIO_REQUIRED = (InterfaceEndpoint.SAGEMAKER_API, InterfaceEndpoint.SAGEMAKER_RUNTIME)
"""Without these, or a NAT gateway, no app of a VPC-only domain starts (CreateDomain, "VpcOnly")."""

ENDPOINT_SETS: Mapping[str, tuple[InterfaceEndpoint, ...]] = {
    "jobs": (
        InterfaceEndpoint.SAGEMAKER_API,
        InterfaceEndpoint.SAGEMAKER_MLFLOW,
        InterfaceEndpoint.STS,
    ),
    "studio": (
        *STUDIO_REQUIRED,
        InterfaceEndpoint.SAGEMAKER_MLFLOW,
        InterfaceEndpoint.SAGEMAKER_STUDIO,
        InterfaceEndpoint.ECR_API,
        InterfaceEndpoint.ECR_DOCKER,
        InterfaceEndpoint.CLOUDWATCH_LOGS,
        InterfaceEndpoint.KMS,
        InterfaceEndpoint.STS,
    ),
}
"""Minimum sets by name: what code in jobs calls, and what people in Studio do. docs/training-environment.md says what
each is for, what is left out and why, and what a set costs per month."""


def create_gateway_endpoint(
    scope: Construct,
    construct_id: str,
    *,
    service: str,
    region: str,
    account: str,
    partition: str,
    vpc_id: str,
    route_table_ids: Sequence[str],
) -> ec2.CfnVPCEndpoint:
    """Route `s3` or `dynamodb` to AWS without the internet, for principals and resources of `account` only.

    The policy keeps a job from copying data to somebody else's bucket or table. One bucket of AWS is open for reading:
    the layers of container images, where the ECR endpoints send whoever pulls one (ECR user guide, "Amazon ECR
    interface VPC endpoints").
    """
    layers = {
        "Sid": "ReadImageLayers",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:{partition}:s3:::prod-{region}-starport-layer-bucket/*",
    }
    return ec2.CfnVPCEndpoint(
        scope,
        construct_id,
        service_name=f"com.amazonaws.{region}.{service}",
        vpc_endpoint_type="Gateway",
        vpc_id=vpc_id,
        route_table_ids=list(route_table_ids),
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
                },
                *([layers] if service == "s3" else []),
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
            service_name=endpoint.service_name(region),
            vpc_endpoint_type="Interface",
            vpc_id=vpc_id,
            subnet_ids=list(subnet_ids),
            security_group_ids=[group_id],
            private_dns_enabled=True,
        )
