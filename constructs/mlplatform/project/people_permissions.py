"""What people and CI may do in a project: work in it, deliver to it, and look at it.

Sources: Service Authorization Reference for the resource types and condition keys of each action; Amazon SageMaker AI
developer guide, "Amazon SageMaker AI API Permissions: Actions, Permissions, and Resources Reference".
"""

from __future__ import annotations

from collections.abc import Sequence

from mlplatform.policy import Statement
from mlplatform.project.job_permissions import (
    encrypt_volumes,
    log_in_to_registries,
    read_objects,
    use_key,
)
from mlplatform.project.pipeline_permissions import (
    JOB_KINDS,
    model_package_statements,
    pass_job_roles,
    run_job_statements,
)
from mlplatform.project.scope import NO_RESOURCE_TYPE, OBJECTS, OWN_NAMES, ProjectScope

_LISTS = ("ListModelPackageGroups", "ListModelPackages", "ListPipelines", "ListProcessingJobs", "ListTrainingJobs",
          "ListTransformJobs")  # fmt: skip
_WATCH_PIPELINES = (
    "sagemaker:DescribePipeline",
    "sagemaker:DescribePipelineDefinitionForExecution",
    "sagemaker:DescribePipelineExecution",
    "sagemaker:ListPipelineExecutions",
    "sagemaker:ListPipelineExecutionSteps",
    "sagemaker:ListPipelineParametersForExecution",
)
_RUN_PIPELINES = (
    "sagemaker:RetryPipelineExecution",
    "sagemaker:StartPipelineExecution",
    "sagemaker:StopPipelineExecution",
)
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
         "ecr:ListImages")  # fmt: skip
_PUSH = ("ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")


def data_scientist_statements(scope: ProjectScope, *, job_role_arns: Sequence[str]) -> list[Statement]:
    """Bring data, experiment with jobs of one's own, run the pipelines, approve models; publish nothing by hand.

    Whoever adds a Studio to the environment allows its apps and spaces, whose domain is not known here.
    """
    own_jobs = [scope.sagemaker_arn(f"{kind}/{scope.name}-*") for kind in (*JOB_KINDS.values(), "model")]
    return [
        *read_objects(scope.bucket_arns),
        Statement(
            sid="WriteDataAndArtifacts",
            actions=["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"],
            resources=[f"{scope.data_bucket_arn}/*", f"{scope.artifact_bucket_arn}/*"],
            wildcard_reason=OBJECTS,
        ),
        use_key(scope),
        encrypt_volumes(scope),
        *run_job_statements(scope, resources=own_jobs, reason=OWN_NAMES),
        _watch_jobs_of_pipelines(scope, stop=True),
        pass_job_roles(scope, job_role_arns),
        _pipelines(scope, [*_WATCH_PIPELINES, *_RUN_PIPELINES]),
        *_backfill(scope),
        *model_package_statements(scope),
        _approve_models(scope),
        _lists(),
        *_read_logs(scope),
        log_in_to_registries(),
        _repository(scope, [*_PULL, *_PUSH]),
    ]


def deploy_statements(scope: ProjectScope) -> list[Statement]:
    """Deliver: push images, update and run the pipelines that exist, approve what they register.

    Infrastructure is not in it: whoever executes CloudFormation acts with the rights of the execution role over the whole
    account, so stacks are deployed by the platform's own delivery, after a `cdk diff`.
    """
    return [
        log_in_to_registries(),
        _repository(scope, [*_PULL, *_PUSH]),
        _pipelines(scope, [*_WATCH_PIPELINES, *_RUN_PIPELINES, "sagemaker:UpdatePipeline"]),
        *model_package_statements(scope),
        _approve_models(scope),
        *read_objects([scope.artifact_bucket_arn, scope.output_bucket_arn]),
        Statement(sid="Decrypt", actions=["kms:Decrypt", "kms:DescribeKey"], resources=[scope.key_arn]),
        _lists(),
        *_read_logs(scope),
    ]


def auditor_statements(scope: ProjectScope) -> list[Statement]:
    """Look at everything but the content of data: configuration, runs, models, logs, who accessed what, and the budget."""
    return [
        Statement(
            sid="ReadBucketSettings",
            actions=[
                "s3:GetBucketLogging",
                "s3:GetBucketPolicy",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
                "s3:ListBucket",
            ],
            resources=[*scope.bucket_arns, scope.log_bucket_arn],
        ),
        Statement(
            sid="ReadAccessLogs",
            actions=["s3:GetObject"],
            resources=[f"{scope.log_bucket_arn}/*"],
            wildcard_reason=OBJECTS,
        ),
        Statement(
            sid="ReadKeySettings",
            actions=["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"],
            resources=[scope.key_arn],
        ),
        Statement(
            sid="ReadRoles",
            actions=["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            resources=[scope.role_arns],
            wildcard_reason="the path is this project's alone",
        ),
        Statement(
            sid="ReadBudget",
            actions=["budgets:ViewBudget"],
            resources=[f"arn:{scope.partition}:budgets::{scope.account}:budget/{scope.budget_name}"],
        ),
        _pipelines(scope, _WATCH_PIPELINES),
        _watch_jobs_of_pipelines(scope, stop=False),
        *model_package_statements(scope)[1:],
        Statement(
            sid="ReadModels",
            actions=["sagemaker:DescribeModelPackage"],
            resources=[scope.sagemaker_arn(f"model-package/{scope.name}/*")],
            wildcard_reason="the registry numbers the versions of the group when they are registered",
        ),
        _repository(scope, ["ecr:DescribeImageScanFindings", "ecr:DescribeImages", "ecr:ListImages"]),
        _lists(),
        *_read_logs(scope),
    ]


def _pipelines(scope: ProjectScope, actions: Sequence[str]) -> Statement:
    return Statement(
        sid="RunPipelines",
        actions=actions,
        # An execution's ARN is its pipeline's, and `/execution/<id>`.
        resources=[scope.sagemaker_arn(f"pipeline/{scope.name}-*")],
        wildcard_reason=OWN_NAMES,
    )


def _backfill(scope: ProjectScope) -> list[Statement]:
    """What `mlp backfill` does beside reading what was published: ask the controllers of batch inference for runs."""
    return [
        Statement(
            sid="AskForRuns",
            actions=["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
            resources=[scope.arn("lambda", f"function:{scope.name}-*-controller")],
            wildcard_reason=OWN_NAMES,
        ),
        Statement(
            sid="ReadSchedules",
            actions=["scheduler:GetSchedule"],
            resources=[scope.arn("scheduler", f"schedule/{scope.name}-*/*")],
            wildcard_reason=OWN_NAMES,
        ),
    ]


def _watch_jobs_of_pipelines(scope: ProjectScope, *, stop: bool) -> Statement:
    verbs = ("Describe", "Stop") if stop else ("Describe",)
    kinds = JOB_KINDS.values()
    return Statement(
        sid="WatchJobsOfPipelines",
        actions=[f"sagemaker:{verb}{kind}Job" for kind in JOB_KINDS for verb in verbs],
        resources=[scope.sagemaker_arn(f"{kind}/{start}-*") for kind in kinds for start in ("pipelines", scope.name)],
        conditions=scope.tagged_as_own,
        wildcard_reason="SageMaker Pipelines names its jobs at run time; the condition tells whose they are",
    )


def _approve_models(scope: ProjectScope) -> Statement:
    return Statement(
        sid="ApproveModels",
        actions=["sagemaker:UpdateModelPackage"],
        resources=[scope.sagemaker_arn(f"model-package/{scope.name}/*")],
        wildcard_reason="the registry numbers the versions of the group when they are registered",
    )


def _lists() -> Statement:
    return Statement(
        sid="ListNames",
        actions=[f"sagemaker:{action}" for action in _LISTS],
        resources=["*"],
        wildcard_reason="lists show names and states of the whole account, and nothing of what stands behind them",
    )


def _read_logs(scope: ProjectScope) -> list[Statement]:
    """The project's own functions, and jobs and notebooks called `<project>-...`.

    SageMaker writes the logs of all jobs of an account into the same groups; the streams of pipelines' jobs carry no
    project in their name, so nobody of a project may read them there.
    """
    functions = scope.arn("logs", f"log-group:/aws/lambda/{scope.name}-*")
    groups = ("NotebookInstances", "ProcessingJobs", "Tr*Jobs")  # Training and Transform
    streams = [scope.arn("logs", f"log-group:/aws/sagemaker/{it}:log-stream:{scope.name}-*") for it in groups]
    return [
        Statement(
            sid="ReadLogs",
            actions=["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
            resources=[functions, *streams],
            wildcard_reason=OWN_NAMES,
        ),
        Statement(
            sid="FindLogs", actions=["logs:DescribeLogGroups"], resources=["*"], wildcard_reason=NO_RESOURCE_TYPE
        ),
    ]


def _repository(scope: ProjectScope, actions: Sequence[str]) -> Statement:
    return Statement(sid="UseRepository", actions=actions, resources=[scope.arn("ecr", f"repository/{scope.name}")])
