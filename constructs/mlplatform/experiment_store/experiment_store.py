"""ExperimentStore: one MLflow app for all projects of an environment, filled by itself."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mlplatform.experiment_store.mlflow import TrackingServer, mlflow
from mlplatform.keys import key_policy
from mlplatform.pipeline.dead_letters import dead_letter_queue, queue_policy
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import Role, Statement
from mlplatform.project.buckets import log_bucket, project_bucket

_RUNTIME = Path(__file__).parent / "runtime"
_CAPTURED = (
    "SageMaker Training Job State Change",
    "SageMaker Processing Job State Change",
    "SageMaker Transform Job State Change",
    "SageMaker Model Building Pipeline Execution Status Change",
    "SageMaker Model Package State Change",
)
_SIX_HOURS_SECONDS = 21_600  # The longest that Lambda keeps an asynchronous event.


class ExperimentStore(Construct):
    """MLflow, and one run in it for every SageMaker job, pipeline execution and model version of the account.

    The MLflow app has no server to pay for while nobody uses it. Each state change that SageMaker reports goes to the
    capture function, which writes it to the run of that ARN in the experiment named by the resource's tag `project`: status,
    image, machines, S3 locations, hyperparameters, final metrics. Nothing has to be added to training code. An event that
    cannot be captured is tried again for six hours and then kept in `dead_letters` for 14 days.

    Use one per account and region.

    Parameters:
        name: of the app, of the function (`<name>-capture`) and so of its log.
        removal_policy: of the app, the key and the buckets. Kept by default: they are the memory of every experiment.
        log_retention_days: how long the log of the capture function is kept.
        tracking_server: an MLflow tracking server in place of the serverless app; billed by the hour.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str = "mlp-experiments",
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        log_retention_days: int = 90,
        tracking_server: TrackingServer | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._name = name
        self._account: str = stack.account
        self._region: str = stack.region
        self._partition: str = stack.partition
        self.key_arn: str = self._key(removal_policy)
        self.artifact_bucket_name: str = self._bucket(removal_policy)
        self._mlflow = mlflow(
            self,
            name=name,
            description=f"The MLflow app {name}: reads and writes artifacts",
            bucket_name=self.artifact_bucket_name,
            key_arn=self.key_arn,
            partition=self._partition,
            removal_policy=removal_policy,
            tracking_server=tracking_server,
        )
        self.app_arn = self._mlflow.arn
        """What `mlflow.set_tracking_uri` takes, with the plugin sagemaker-mlflow."""
        self.dead_letters = dead_letter_queue(self, "DeadLetters", key_arn=self.key_arn, of="the capture")
        """The events that could not be captured."""
        self.capture = self._capture_function(log_retention_days)
        self._feed(self.capture)

    def grant_use(self, role: Role) -> None:
        """Let a role read and write the experiments of every project: neither apps nor servers tell experiments apart."""
        role.allow(self._mlflow.use())

    def _key(self, removal_policy: RemovalPolicy) -> str:
        policy = key_policy(partition=self._partition, region=self._region, account=self._account)
        encrypt_dead_letters = {
            "Sid": "EncryptDeadLetters",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": self._account}},
        }
        key = kms.CfnKey(
            self,
            "Key",
            description="Experiments of all projects",
            enable_key_rotation=True,
            key_policy={**policy, "Statement": [*cast(list[object], policy["Statement"]), encrypt_dead_letters]},
        )
        key.apply_removal_policy(removal_policy)
        arn: str = key.attr_arn
        return arn

    def _bucket(self, removal_policy: RemovalPolicy) -> str:
        logs, log_bucket_name = log_bucket(self, "Logs", account=self._account, partition=self._partition)
        artifacts, name = project_bucket(
            self,
            "Artifacts",
            key_arn=self.key_arn,
            log_bucket_name=log_bucket_name,
            keep_old_versions_days=90,
            partition=self._partition,
        )
        for bucket in (logs, artifacts):
            bucket.apply_removal_policy(removal_policy)
        return name

    def _capture_function(self, log_retention_days: int) -> RuntimeFunction:
        sagemaker_arn = f"arn:{self._partition}:sagemaker:{self._region}:{self._account}"
        bucket_arn = f"arn:{self._partition}:s3:::{self.artifact_bucket_name}"
        of_every_project = "the store captures the jobs of every project, whose names are made at run time"
        function = RuntimeFunction(
            self,
            "Capture",
            name=f"{self._name}-capture",
            description="Writes SageMaker's state changes to MLflow",
            code=_RUNTIME / "capture",
            handler="capture.handler.handler",
            key_arn=self.key_arn,
            log_retention_days=log_retention_days,
            failures="its failed events go to the dead-letter queue by an on-failure destination",
            environment={"MLFLOW_APP_ARN": self.app_arn, "CLAIMS_BUCKET": self.artifact_bucket_name},
            statements=[
                Statement(
                    sid="ReadTags",
                    actions=["sagemaker:ListTags"],
                    resources=[
                        f"{sagemaker_arn}:{kind}/*"
                        for kind in (
                            "training-job",
                            "processing-job",
                            "transform-job",
                            "pipeline",
                            "model-package-group",
                        )
                    ],
                    wildcard_reason=of_every_project,
                ),
                Statement(
                    sid="ReadFinalMetrics",
                    actions=["sagemaker:DescribeTrainingJob"],
                    resources=[f"{sagemaker_arn}:training-job/*"],
                    wildcard_reason=of_every_project,
                ),
                # Without it, S3 answers AccessDenied for a claim that is not there yet.
                Statement(sid="FindClaims", actions=["s3:ListBucket"], resources=[bucket_arn]),
                Statement(
                    sid="Claim",
                    actions=["s3:GetObject", "s3:PutObject"],
                    resources=[f"{bucket_arn}/capture/runs/*"],
                    wildcard_reason="one object for each job, named after its ARN",
                ),
                Statement(sid="KeepFailures", actions=["sqs:SendMessage"], resources=[self.dead_letters.attr_arn]),
                self._use_key(),
            ],
        )
        self.grant_use(function.role)
        return function

    def _feed(self, function: RuntimeFunction) -> None:
        dead_letters = self.dead_letters.attr_arn
        rule = events.CfnRule(
            self,
            "StateChanges",
            description="State changes of SageMaker, for the capture",
            event_pattern={"source": ["aws.sagemaker"], "detail-type": list(_CAPTURED)},
            targets=[
                {
                    "id": "Capture",
                    "arn": function.function_arn,
                    "deadLetterConfig": {"arn": dead_letters},
                    "retryPolicy": {"maximumEventAgeInSeconds": _SIX_HOURS_SECONDS, "maximumRetryAttempts": 20},
                }
            ],
        )
        lambda_.CfnPermission(
            self,
            "AllowStateChanges",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
        lambda_.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=function.resource.ref,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=_SIX_HOURS_SECONDS,
            maximum_retry_attempts=2,
            destination_config={"onFailure": {"destination": dead_letters}},
        )
        senders = [("events.amazonaws.com", rule.attr_arn)]
        queue_policy(self, "DeadLettersPolicy", self.dead_letters, arn=dead_letters, senders=senders)

    def _use_key(self) -> Statement:
        return Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key_arn])
