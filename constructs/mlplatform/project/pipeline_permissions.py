"""What pipeline executions may do: start and watch jobs of this project, register models, read metrics.

Sources: Amazon SageMaker AI developer guide, "IAM Access Management" (Pipelines); Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlplatform.policy import Statement
from mlplatform.project.job_permissions import encrypt_volumes, use_key
from mlplatform.project.scope import OBJECTS, ProjectScope

JOB_KINDS = {"Processing": "processing-job", "Training": "training-job", "Transform": "transform-job"}
_PIPELINE_NAMES = "SageMaker Pipelines names what it creates 'pipelines-<execution>-<step>-<suffix>' at run time"


def pipeline_statements(scope: ProjectScope, *, job_role_arns: Sequence[str]) -> list[Statement]:
    """The project's executions. What a job must look like is said by the boundary."""
    jobs = [scope.sagemaker_arn(f"{kind}/pipelines-*") for kind in JOB_KINDS.values()]
    model = scope.sagemaker_arn("model/pipelines-*")
    return [
        *run_job_statements(scope, resources=[*jobs, model], reason=_PIPELINE_NAMES),
        *model_package_statements(scope),
        pass_job_roles(scope, job_role_arns),
        encrypt_volumes(scope),
        Statement(
            sid="ReadMetrics",
            actions=["s3:GetObject"],
            resources=[f"{scope.artifact_bucket_arn}/*", f"{scope.output_bucket_arn}/*"],
            wildcard_reason=OBJECTS,
        ),
        Statement(
            sid="ListBuckets",
            actions=["s3:ListBucket"],
            resources=[scope.artifact_bucket_arn, scope.output_bucket_arn],
        ),
        use_key(scope),
    ]


def run_job_statements(scope: ProjectScope, *, resources: Sequence[str], reason: str) -> list[Statement]:
    """Create jobs and models under these ARNs, and watch and stop those that carry the project's tag.

    Tags are given only in the call that creates: a role that could tag what exists could make it its own.
    """
    kinds = [f"{kind}Job" for kind in JOB_KINDS]
    creating = [f"Create{kind}" for kind in (*kinds, "Model")]
    watching = [f"sagemaker:{verb}{kind}" for kind in kinds for verb in ("Describe", "Stop")]
    return [
        Statement(
            sid="CreateJobsAndModels",
            actions=[f"sagemaker:{action}" for action in creating],
            resources=resources,
            wildcard_reason=reason,
        ),
        tag_what_it_creates(resources, creating, reason=reason),
        Statement(
            sid="WatchOwnJobs",
            actions=["sagemaker:DescribeModel", *watching],
            resources=resources,
            conditions=scope.tagged_as_own,
            wildcard_reason=reason,
        ),
    ]


def tuning_statements(scope: ProjectScope) -> list[Statement]:
    """Tune: a tuning job is called after the execution and the step, and told apart by its tag."""
    resources = [scope.sagemaker_arn("hyper-parameter-tuning-job/*")]
    reason = "SageMaker Pipelines names a tuning job after the execution and the step at run time"
    create = "CreateHyperParameterTuningJob"
    return [
        Statement(sid="Tune", actions=[f"sagemaker:{create}"], resources=resources, wildcard_reason=reason),
        replace(tag_what_it_creates(resources, [create], reason=reason), sid="TagTuningJobs"),
        Statement(
            sid="WatchTuning",
            actions=[
                "sagemaker:DescribeHyperParameterTuningJob",
                "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
                "sagemaker:StopHyperParameterTuningJob",
            ],
            resources=resources,
            conditions=scope.tagged_as_own,
            wildcard_reason=reason,
        ),
    ]


def tag_what_it_creates(resources: Sequence[str], creating: Sequence[str], *, reason: str) -> Statement:
    """`AddTags` as a part of these actions, and not by itself."""
    return Statement(
        sid="TagWhatItCreates",
        actions=["sagemaker:AddTags"],
        resources=resources,
        conditions={"StringEquals": {"sagemaker:TaggingAction": list(creating)}},
        wildcard_reason=reason,
    )


def model_package_statements(scope: ProjectScope) -> list[Statement]:
    """Register versions in the project's group, and read them."""
    group = scope.sagemaker_arn(f"model-package-group/{scope.name}")
    return [
        Statement(
            sid="RegisterModels",
            actions=["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            resources=[group, scope.sagemaker_arn(f"model-package/{scope.name}/*")],
            wildcard_reason="the registry numbers the versions of the group when they are registered",
        ),
        Statement(sid="FindTheGroup", actions=["sagemaker:DescribeModelPackageGroup"], resources=[group]),
    ]


def pass_job_roles(scope: ProjectScope, job_role_arns: Sequence[str]) -> Statement:
    """Hand a job its role: one of the project's job roles, and to SageMaker only."""
    return Statement(
        sid="PassTheJobRoles",
        actions=["iam:PassRole"],
        resources=job_role_arns,
        conditions=scope.passed_to_sagemaker,
    )


def start_statement(*pipeline_arns: str) -> Statement:
    """What starts executions of these pipelines."""
    return Statement(sid="StartPipelines", actions=["sagemaker:StartPipelineExecution"], resources=pipeline_arns)
