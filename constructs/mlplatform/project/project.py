"""`MlProject`: the key, buckets, roles and model registry between which one team's work is confined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import MissingRemovalPolicies, RemovalPolicy, Stack, Tags
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlpipelines import MlflowConfig, NetworkConfig
from mlplatform import naming
from mlplatform.keys import key_policy
from mlplatform.policy import Role, Statement
from mlplatform.project.access import ProjectAccess
from mlplatform.project.buckets import QUERY_RESULTS, SUPERSEDED, expire_predictions, log_bucket, project_bucket
from mlplatform.project.budget import deny_jobs_over_budget, monthly_budget
from mlplatform.project.chat import ChatChannel, chat_channels
from mlplatform.project.images import image_repository, repository_arn
from mlplatform.project.job_permissions import inference_artifacts, pull_images
from mlplatform.project.limits import JobLimits
from mlplatform.project.notifications import PUBLISHERS, notification_topic
from mlplatform.project.outputs import PublishedOutput
from mlplatform.project.pipeline_permissions import start_statement, tuning_statements
from mlplatform.project.roles import ProjectRoles
from mlplatform.project.scope import ProjectScope

if TYPE_CHECKING:
    from mlplatform.network import ProjectNetwork

_STATEFUL = ["AWS::ECR::Repository", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup"]


class MlProject(Construct):
    """A team's isolated home: a key, buckets, images, models, notifications, six least-privilege roles, a budget.

    When to use: once per project and environment, as the scope of everything else the project declares:

        project = MlProject(stack, "Project", name="demand-forecast", owner="forecasting@example.com")
        TrainingPipeline(project, "Training", ...)

    Jobs read `data_bucket_name` and write `artifact_bucket_name` (features, models, reports) and
    `output_bucket_name` (predictions for the business). Everything is tagged `project`, `owner` and
    `cost-center`. The project's runs are in the MLflow experiment `experiment_name`, written there by the capture of the
    `ExperimentStore`, which goes by the tag `project`.
    Stateful resources outlive the stack unless `removal_policy` says otherwise; with `DESTROY`,
    CloudFormation still refuses to delete a bucket, a repository or a model package group that is not empty.

    One permissions boundary holds every role below this construct, also those that a team adds: it reaches no other
    project, and lets jobs be created only within `limits`, `network`, and under the project's key and tags.

    Args:
        scope: a stack, usually one of the project's own.
        construct_id: id within `scope`.
        name: lower-case letters, digits and hyphens, at most 32 characters; becomes the name of the model package group,
            of the image repository and of the experiment.
        owner: e-mail address of the team; notifications and budget alerts go there.
        network: where jobs run; when not given, SageMaker runs them in its own network.
        removal_policy: what happens to stateful resources when they leave the template.
        log_retention_days: how long logs of the project's Lambda functions, and logged predictions of its endpoints, are kept.
        tags: further tags on everything in the project; `cost-center`, when not among them, is the project's name.
        limits: on which instance types jobs run and how long; small types and a day when not given.
        access: who delivers and who audits; nobody when not given.
        monthly_budget_usd: when given, AWS Budgets tells `owner` and the topic at 50, 80 and 100 % of it, actual and
            forecast.
        deny_jobs_over_budget: whether new jobs are denied for the rest of a month whose budget is spent.
        chat: channels that show what the topic gets; nobody can do anything from there.

    Raises:
        ValueError: `name` or `owner` is malformed, or a number is not positive; all problems in one message.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        owner: str,
        network: ProjectNetwork | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        log_retention_days: int = 90,
        tags: Mapping[str, str] | None = None,
        limits: JobLimits | None = None,
        access: ProjectAccess | None = None,
        monthly_budget_usd: float | None = None,
        deny_jobs_over_budget: bool = False,
        chat: Sequence[ChatChannel] = (),
    ) -> None:
        _check(
            name=name,
            owner=owner,
            log_retention_days=log_retention_days,
            monthly_budget_usd=monthly_budget_usd,
            deny_jobs_over_budget=deny_jobs_over_budget,
        )
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.name = name
        self.owner = owner
        self.account: str = stack.account
        self.region: str = stack.region
        self.partition: str = stack.partition
        self.removal_policy = removal_policy
        self.log_retention_days = log_retention_days
        self.limits = JobLimits() if limits is None else limits
        self.model_package_group_name = name
        self.experiment_name = name
        self.tags: Mapping[str, str] = {
            "cost-center": name,
            **({} if tags is None else tags),
            "project": name,
            "owner": owner,
        }
        self.role_path = f"/mlp/{name}/"
        """The path of the project's roles, within which its boundary lets them be passed to SageMaker and the scheduler."""
        self.mlflow: MlflowConfig | None = None
        """Where jobs log to MLflow; nowhere until there is a `ProjectExperiments`."""
        self.outputs: dict[str, PublishedOutput] = {}
        """What pipelines of the project publish, by the pipeline's name."""
        self.endpoints: dict[str, str] = {}
        """The construct ids of the project's endpoints, by the endpoint's name."""
        self._network = network
        self._create_storage()
        self._create_registries()
        self._create_roles(ProjectAccess() if access is None else access)
        chat_channels(self, chat, scope=self.scope, topic_arn=self.topic_arn)
        MissingRemovalPolicies.of(self).apply(removal_policy, apply_to_resource_types=_STATEFUL)
        if monthly_budget_usd is not None:
            self._create_budget(monthly_budget_usd, deny_jobs=deny_jobs_over_budget)
        tagger = Tags.of(self)
        for key, value in self.tags.items():
            tagger.add(key, value)

    def _create_storage(self) -> None:
        key = kms.CfnKey(
            self,
            "Key",
            description=f"Data, models and outputs of the project {self.name}",
            enable_key_rotation=True,
            key_policy=key_policy(
                partition=self.partition,
                region=self.region,
                account=self.account,
                project=self.name,
                publishers=PUBLISHERS,
            ),
        )
        self.key_arn: str = key.attr_arn
        _, self.log_bucket_name = log_bucket(
            self, "Logs", account=self.account, partition=self.partition, project=self.name
        )
        common: dict[str, Any] = {
            "key_arn": self.key_arn,
            "log_bucket_name": self.log_bucket_name,
            "partition": self.partition,
            "project": self.name,
        }
        # Old versions of inputs and outputs are what a run's lineage points at; artifacts can be made again.
        _, self.data_bucket_name = project_bucket(
            self, "Data", keep_old_versions_days=365, tells_event_bridge=True, **common
        )
        _, self.artifact_bucket_name = project_bucket(
            self,
            "Artifacts",
            keep_old_versions_days=90,
            expiring=[QUERY_RESULTS, expire_predictions(self.log_retention_days)],
            **common,
        )
        _, self.output_bucket_name = project_bucket(
            self, "Output", keep_old_versions_days=365, expiring=[SUPERSEDED], **common
        )
        self.scope = ProjectScope(
            name=self.name,
            partition=self.partition,
            region=self.region,
            account=self.account,
            key_arn=self.key_arn,
            data_bucket_arn=self._bucket_arn(self.data_bucket_name),
            artifact_bucket_arn=self._bucket_arn(self.artifact_bucket_name),
            output_bucket_arn=self._bucket_arn(self.output_bucket_name),
            log_bucket_arn=self._bucket_arn(self.log_bucket_name),
            network=self._network,
            limits=self.limits,
        )
        """The names and ARNs between which everything that the project may do is confined."""

    def _create_registries(self) -> None:
        self.topic_arn: str = notification_topic(
            self, "Notifications", account=self.account, owner=self.owner, key_arn=self.key_arn, name=self.name
        )
        """The topic on which the project's notifications appear."""
        image_repository(self, "Images", name=self.name, key_arn=self.key_arn)
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        self.repository_uri = f"{self.account}.dkr.ecr.{self.region}.{suffix}/{self.name}"
        """Where the project's own images are pushed: `<repository uri>:<tag>`."""
        self.model_package_group_arn = self.scope.sagemaker_arn(f"model-package-group/{self.name}")
        sagemaker.CfnModelPackageGroup(
            self,
            "Models",
            model_package_group_name=self.name,
            model_package_group_description=f"Model versions of the project {self.name}, owned by {self.owner}",
        )

    def _create_roles(self, access: ProjectAccess) -> None:
        self._roles = ProjectRoles(self, self.scope, access)
        self.training_job_role, self.inference_job_role = self._roles.jobs
        self.pipeline_role = self._roles.pipeline
        self.data_scientist_role = self._roles.data_scientist
        self.deploy_role = self._roles.deploy
        self.auditor_role = self._roles.auditor
        self.training_job_role_arn = self.training_job_role.arn
        self.inference_job_role_arn = self.inference_job_role.arn
        self.job_role_arns = (self.training_job_role_arn, self.inference_job_role_arn)
        """The roles that the project's jobs may have."""
        self.pipeline_role_arn = self.pipeline_role.arn

    def _create_budget(self, limit_usd: float, *, deny_jobs: bool) -> None:
        budget = monthly_budget(
            self,
            "Budget",
            scope=self.scope,
            owner=self.owner,
            topic_arn=self.topic_arn,
            limit_usd=limit_usd,
        )
        if deny_jobs:
            deny_jobs_over_budget(self, scope=self.scope, owner=self.owner, budget=budget, roles=self._roles.starting)

    @property
    def data_scientist_role_arn(self) -> str:
        """What Studio runs the profiles of the project's people as."""
        return self.data_scientist_role.arn

    @property
    def network(self) -> NetworkConfig:
        """Subnets and security groups for jobs, unless they run in SageMaker's own network; their traffic is encrypted."""
        return NetworkConfig(encrypt_inter_container_traffic=True) if self._network is None else self._network.config

    def data_uri(self, prefix: str = "") -> str:
        """`s3://<data bucket>/<prefix>`."""
        return _s3_uri(self.data_bucket_name, prefix)

    def artifact_uri(self, prefix: str = "") -> str:
        """`s3://<artifact bucket>/<prefix>`."""
        return _s3_uri(self.artifact_bucket_name, prefix)

    def output_uri(self, prefix: str = "") -> str:
        """`s3://<output bucket>/<prefix>`."""
        return _s3_uri(self.output_bucket_name, prefix)

    def allow_pipeline_to_invoke(self, *function_arns: str) -> None:
        """Let the project's pipelines invoke these Lambda functions. Without it they may invoke none."""
        self.pipeline_role.allow(
            Statement(sid="InvokeFunctions", actions=["lambda:InvokeFunction"], resources=function_arns)
        )

    def allow_jobs(self, *statements: Statement) -> None:
        """Add to what both job roles may do, within the boundary."""
        for role in self._roles.jobs:
            role.allow(*statements)

    def allow_pipeline_to_tune(self) -> None:
        """Let the project's pipelines run hyperparameter tuning jobs."""
        self.pipeline_role.allow(*tuning_statements(self.scope))

    def allow_jobs_to_pull(self, image_uri: str) -> None:
        """Let the project's jobs pull an image: `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`.

        Images of other registries, and URIs that hold tokens, are left alone: grant those with `allow_jobs`.
        """
        repository = repository_arn(image_uri, partition=self.partition)
        if repository is not None:
            self.allow_jobs(pull_images([repository]))

    def allow_jobs_to_read(self, s3_uri: str) -> None:
        """Let the project's jobs read an object outside its buckets, such as a source archive among the assets."""
        path = s3_uri.removeprefix("s3://")
        if path == s3_uri or "/" not in path:
            raise ValueError(f"{s3_uri!r} names no object in S3; use s3://<bucket>/<key>")
        self.allow_jobs(
            Statement(sid="ReadSources", actions=["s3:GetObject"], resources=[f"arn:{self.partition}:s3:::{path}"])
        )

    def log_experiments_to(self, resource_arn: str) -> None:
        """Have jobs and people of the project use an MLflow app that is the project's alone. `ProjectExperiments` calls it."""
        self.mlflow = MlflowConfig(resource_arn=resource_arn, experiment_name=self.experiment_name)
        use = Statement(sid="UseOwnMlflow", actions=["sagemaker:CallMlflowAppApi"], resources=[resource_arn])
        look = Statement(
            sid="LookAtOwnMlflow", actions=["sagemaker:CreatePresignedMlflowAppUrl"], resources=[resource_arn]
        )
        self.allow_jobs(use)
        self.data_scientist_role.allow(use, look)

    def allow_inference_to_write(self, prefix: str) -> None:
        """Let inference jobs keep working files below a prefix of the artifact bucket: the name of their pipeline."""
        self.inference_job_role.allow(inference_artifacts(self.scope.artifact_bucket_arn, prefix))

    def grant_start_pipelines(self, role: Role, pipeline_arn: str) -> None:
        """Let `role`, a scheduler's for instance, start executions of one pipeline of this project."""
        role.allow(start_statement(pipeline_arn))

    def _bucket_arn(self, bucket_name: str) -> str:
        return f"arn:{self.partition}:s3:::{bucket_name}"


def _check(
    *,
    name: str,
    owner: str,
    log_retention_days: int,
    monthly_budget_usd: float | None,
    deny_jobs_over_budget: bool,
) -> None:
    problems = []
    if not naming.is_token(name) and (problem := naming.PROJECT_NAME.problem(name)):
        problems.append(f"project name {problem}")
    if not naming.is_token(owner) and (problem := naming.EMAIL.problem(owner)):
        problems.append(f"owner {problem}")
    if log_retention_days not in naming.LOG_RETENTION_DAYS:
        problems.append(
            f"log_retention_days {log_retention_days} is not a period CloudWatch Logs offers; "
            f"use one of {', '.join(map(str, naming.LOG_RETENTION_DAYS))}"
        )
    if monthly_budget_usd is not None and monthly_budget_usd <= 0:
        problems.append(f"monthly_budget_usd {monthly_budget_usd} is not positive; give US dollars or leave it out")
    if deny_jobs_over_budget and monthly_budget_usd is None:
        problems.append("deny_jobs_over_budget is set without a budget; give monthly_budget_usd, too")
    if problems:
        raise ValueError("; ".join(problems))


def _s3_uri(bucket: str, prefix: str) -> str:
    return f"s3://{bucket}/{prefix.lstrip('/')}" if prefix else f"s3://{bucket}"
