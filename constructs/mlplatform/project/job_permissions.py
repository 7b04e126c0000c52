"""What jobs may do: read the project's data, write where their kind writes, log; and start nothing.

Sources: Amazon SageMaker AI developer guide, "How to use SageMaker AI execution roles"; Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlplatform.policy import Statement
from mlplatform.project.scope import NO_RESOURCE_TYPE, OBJECTS, ProjectScope

JOB_LOG_GROUPS = ("ProcessingJobs", "TrainingJobs", "TransformJobs")
"""Below /aws/sagemaker: all jobs of an account log there."""


def training_statements(scope: ProjectScope) -> list[Statement]:
    """Processing and training jobs of training pipelines: they write artifacts, and never what is published."""
    write = Statement(
        sid="WriteArtifacts",
        actions=["s3:AbortMultipartUpload", "s3:PutObject"],
        resources=[f"{scope.artifact_bucket_arn}/*"],
        wildcard_reason=OBJECTS,
    )
    return [*_reading(scope), write, *_running(scope)]


def inference_statements(scope: ProjectScope) -> list[Statement]:
    """Models, and the jobs around them: they write what is published, and below the artifacts only what they are given.

    See `inference_artifacts`.
    """
    write = Statement(
        sid="WriteOutputs",
        actions=["s3:AbortMultipartUpload", "s3:PutObject"],
        resources=[f"{scope.output_bucket_arn}/*"],
        wildcard_reason=OBJECTS,
    )
    return [*_reading(scope), write, *_running(scope)]


def inference_artifacts(artifact_bucket_arn: str, prefix: str) -> Statement:
    """Working files of one inference pipeline; models and features of training pipelines stay out of reach."""
    return Statement(
        sid="WriteWorkingFiles",
        actions=["s3:AbortMultipartUpload", "s3:PutObject"],
        resources=[f"{artifact_bucket_arn}/{prefix}/*"],
        wildcard_reason="objects get their names at run time, under the prefix of this pipeline",
    )


def use_key(scope: ProjectScope) -> Statement:
    """What whoever reads or writes the project's data needs."""
    return Statement(
        sid="UseTheKey",
        actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
        resources=[scope.key_arn],
    )


def encrypt_volumes(scope: ProjectScope) -> Statement:
    """What whoever starts a job needs: SageMaker attaches its volume by a grant."""
    return Statement(
        sid="EncryptVolumes",
        actions=["kms:CreateGrant"],
        resources=[scope.key_arn],
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )


def read_objects(bucket_arns: Sequence[str]) -> list[Statement]:
    """Find and read what is in these buckets."""
    return [
        Statement(sid="ListBuckets", actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=bucket_arns),
        Statement(
            sid="ReadObjects",
            actions=["s3:GetObject", "s3:GetObjectVersion"],
            resources=[f"{arn}/*" for arn in bucket_arns],
            wildcard_reason=OBJECTS,
        ),
    ]


def log_in_to_registries() -> Statement:
    """The token with which images are pulled and pushed; from which repositories, others say."""
    return Statement(
        sid="LogInToRegistries",
        actions=["ecr:GetAuthorizationToken"],
        resources=["*"],
        wildcard_reason="it has no resource type; pulling is confined to named repositories",
    )


def put_metrics() -> Statement:
    """What containers measure of themselves."""
    return Statement(
        sid="PutMetrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        wildcard_reason="PutMetricData has no resource type; the condition names the namespaces",
    )


def pull_images(repository_arns: Sequence[str], *, wildcard_reason: str | None = None) -> Statement:
    """Run what is in these repositories."""
    return Statement(
        sid="PullImages",
        actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        resources=repository_arns,
        wildcard_reason=wildcard_reason,
    )


def _reading(scope: ProjectScope) -> list[Statement]:
    return [*read_objects(scope.bucket_arns), use_key(scope), encrypt_volumes(scope)]


def _running(scope: ProjectScope) -> list[Statement]:
    statements = [
        Statement(
            sid="WriteLogs",
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            resources=[scope.arn("logs", f"log-group:/aws/sagemaker/{group}*") for group in _logged(scope)],
            wildcard_reason="SageMaker logs all jobs of an account to the same groups; the rest are streams, and Clarify's endpoints",
        ),
        put_metrics(),
        log_in_to_registries(),
    ]
    return statements if scope.network is None else [*statements, *vpc_statements(scope)]


def _logged(scope: ProjectScope) -> list[str]:
    """Groups of jobs, and of the temporary endpoints that Clarify makes; those of other endpoints belong to one each."""
    return [*JOB_LOG_GROUPS, f"Endpoints/{scope.name}-clarify-"]


def vpc_statements(scope: ProjectScope) -> list[Statement]:
    """What SageMaker needs to run something in the project's network."""
    return [
        Statement(
            sid="AttachNetworkInterfaces",
            actions=[
                "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
            ],
            resources=[scope.arn("ec2", f"{kind}/*") for kind in ("network-interface", "security-group", "subnet")],
            wildcard_reason="SageMaker creates a job's interfaces at run time, in the subnets it names",
        ),
        Statement(
            sid="DescribeTheNetwork",
            actions=[
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            resources=["*"],
            wildcard_reason=NO_RESOURCE_TYPE,
        ),
    ]
