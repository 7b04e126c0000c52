"""What a project's two roles may do: the jobs' role touches data, the pipelines' role starts jobs.

Sources: Amazon SageMaker AI developer guide, "How to use SageMaker AI execution roles" and "IAM Access
Management" (Pipelines); Service Authorization Reference for the resource types of each action.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlplatform.policy import Statement

_JOB_KINDS = {"Processing": "processing-job", "Training": "training-job", "Transform": "transform-job"}
_OBJECTS = "objects get their names at run time; the bucket belongs to this project alone"
_PIPELINE_NAMES = "SageMaker Pipelines names what it creates 'pipelines-<execution>-<step>-<suffix>' at run time"


@dataclass(frozen=True, kw_only=True)
class ProjectScope:
    """The ARNs and names between which a project's permissions are confined."""

    partition: str
    region: str
    account: str
    model_package_group_name: str
    key_arn: str
    data_bucket_arn: str
    artifact_bucket_arn: str
    output_bucket_arn: str

    def sagemaker_arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource, such as `model-package-group/demand-forecast`, in this account."""
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{resource}"

    @property
    def bucket_arns(self) -> tuple[str, str, str]:
        return (self.data_bucket_arn, self.artifact_bucket_arn, self.output_bucket_arn)


def job_statements(scope: ProjectScope, *, in_vpc: bool) -> list[Statement]:
    """What jobs and models do: read data, write artifacts and outputs, log."""
    logs = f"arn:{scope.partition}:logs:{scope.region}:{scope.account}:log-group:/aws/sagemaker/*"
    statements = [
        Statement(sid="ListBuckets", actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=scope.bucket_arns),
        Statement(
            sid="ReadObjects",
            actions=["s3:GetObject", "s3:GetObjectVersion"],
            resources=[f"{arn}/*" for arn in scope.bucket_arns],
            wildcard_reason=_OBJECTS,
        ),
        Statement(
            sid="WriteArtifactsAndOutputs",
            actions=["s3:AbortMultipartUpload", "s3:PutObject"],
            resources=[f"{scope.artifact_bucket_arn}/*", f"{scope.output_bucket_arn}/*"],
            wildcard_reason=_OBJECTS,
        ),
        _use_key(scope),
        Statement(
            sid="EncryptVolumes",
            actions=["kms:CreateGrant"],
            resources=[scope.key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        Statement(
            sid="WriteLogs",
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            resources=[logs],
            wildcard_reason="SageMaker logs all jobs of an account to groups below /aws/sagemaker",
        ),
        Statement(
            sid="PutMetrics",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            wildcard_reason="PutMetricData has no resource type; the condition names the namespaces",
        ),
        Statement(
            sid="LogInToRegistries",
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
            wildcard_reason="it has no resource type; pulling is confined to named repositories",
        ),
    ]
    return [*statements, *_vpc_statements(scope)] if in_vpc else statements


def pipeline_statements(scope: ProjectScope, *, job_role_arn: str) -> list[Statement]:
    """What pipeline executions do: start and watch jobs, register models, read metrics."""
    group = scope.model_package_group_name
    verbs = [f"sagemaker:{verb}{kind}Job" for kind in _JOB_KINDS for verb in ("Create", "Describe", "Stop")]
    jobs = [scope.sagemaker_arn(f"{resource}/pipelines-*") for resource in _JOB_KINDS.values()]
    return [
        Statement(
            sid="RunJobs",
            actions=["sagemaker:AddTags", *verbs],
            resources=jobs,
            wildcard_reason=_PIPELINE_NAMES,
        ),
        Statement(
            sid="CreateModels",
            actions=["sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DescribeModel"],
            resources=[scope.sagemaker_arn("model/pipelines-*")],
            wildcard_reason=_PIPELINE_NAMES,
        ),
        Statement(
            sid="RegisterModels",
            actions=["sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            resources=[
                scope.sagemaker_arn(f"model-package-group/{group}"),
                scope.sagemaker_arn(f"model-package/{group}/*"),
            ],
            wildcard_reason="the registry numbers the versions of the group when they are registered",
        ),
        Statement(
            sid="FindTheModelPackageGroup",
            actions=["sagemaker:DescribeModelPackageGroup"],
            resources=[scope.sagemaker_arn(f"model-package-group/{group}")],
        ),
        Statement(
            sid="PassTheJobRole",
            actions=["iam:PassRole"],
            resources=[job_role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Statement(
            sid="ReadMetrics",
            actions=["s3:GetObject"],
            resources=[f"{scope.artifact_bucket_arn}/*", f"{scope.output_bucket_arn}/*"],
            wildcard_reason=_OBJECTS,
        ),
        Statement(
            sid="ListBuckets",
            actions=["s3:ListBucket"],
            resources=[scope.artifact_bucket_arn, scope.output_bucket_arn],
        ),
        _use_key(scope),
    ]


def start_statement(pipeline_arn: str) -> Statement:
    """What starts executions of one pipeline."""
    return Statement(sid="StartPipelines", actions=["sagemaker:StartPipelineExecution"], resources=[pipeline_arn])


def _use_key(scope: ProjectScope) -> Statement:
    return Statement(
        sid="UseTheKey",
        actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
        resources=[scope.key_arn],
    )


def _vpc_statements(scope: ProjectScope) -> list[Statement]:
    ec2 = f"arn:{scope.partition}:ec2:{scope.region}:{scope.account}"
    return [
        Statement(
            sid="AttachNetworkInterfaces",
            actions=[
                "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
            ],
            resources=[f"{ec2}:network-interface/*", f"{ec2}:security-group/*", f"{ec2}:subnet/*"],
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
            wildcard_reason="EC2's Describe actions have no resource types",
        ),
    ]
