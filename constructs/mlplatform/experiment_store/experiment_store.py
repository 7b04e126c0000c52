"""ExperimentStore: the records of all runs of an account, and MLflow to look at them, filled by itself."""

from __future__ import annotations

from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlplatform.experiment_store.alarms import work_alarms
from mlplatform.experiment_store.backup import RecordsBackup
from mlplatform.experiment_store.functions import StoreFunctions
from mlplatform.experiment_store.mlflow import TrackingServer, mlflow
from mlplatform.experiment_store.records_bucket import RecordRetention, records_bucket
from mlplatform.experiment_store.search_table import RunSearchTable
from mlplatform.experiment_store.work_queues import WorkQueue
from mlplatform.keys import key_policy
from mlplatform.pipeline.dead_letters import queue_policy
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import Role, ServiceRole, Statement
from mlplatform.project.buckets import log_bucket, project_bucket

CAPTURED = (
    "SageMaker Training Job State Change",
    "SageMaker Processing Job State Change",
    "SageMaker Transform Job State Change",
    "SageMaker HyperParameter Tuning Job State Change",
    "SageMaker Model Package State Change",
    "SageMaker Endpoint State Change",
    "SageMaker Model Building Pipeline Execution Status Change",
    "SageMaker Model Building Pipeline Execution Step Status Change",
    "ML Platform Run Observation",
    "ML Platform Run Import",
)
"""The events that become records; the last two are the platform's own."""
_SIX_HOURS_SECONDS = 21_600
_CAPTURES_AT_ONCE, _PROJECTIONS_AT_ONCE = 3, 2


class ExperimentStore(Construct):
    """A record of every SageMaker job, pipeline execution and step, model version and endpoint of the account, and MLflow to look at them.

    Each state change that SageMaker reports waits in a queue for the capture function, which adds it to the run's record in
    `records_bucket_name`: image, code, data, machines, exact hyperparameters, final metrics, who and when, and what it came
    from. Nothing has to be added to training code. The projection function shows each record in MLflow, in the experiment
    named by the resource's tag `project`, and the table `ml_experiments.run_rows` shows all of them to Athena. What fails ten
    times is kept in `dead_letters` for 14 days, and an alarm tells.

    Nothing of it has a server to pay for while nobody uses it. Use one per account and region: the SSM parameter
    `/mlplatform/experiments/records-bucket` names the bucket.

    Parameters:
        name: of the app, of the functions (`<name>-capture`, ...) and so of their logs.
        removal_policy: of the app, the key and the buckets. Kept by default: they are the memory of every experiment.
        log_retention_days: how long the logs of the functions are kept.
        retention: how long records are kept. For ever when not given.
        alarm_topic_arn: an SNS topic that is told when a message was given up, or waits for an hour. When not given, the
            alarms are there and tell nobody.
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
        retention: RecordRetention | None = None,
        alarm_topic_arn: str | None = None,
        tracking_server: TrackingServer | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._name = name
        self._account: str = stack.account
        self._region: str = stack.region
        self._partition: str = stack.partition
        self.key_arn: str = self._key(removal_policy)
        self.artifact_bucket_name: str
        self.records_bucket_name: str
        self._buckets(removal_policy, RecordRetention() if retention is None else retention)
        RunSearchTable(self, "Search", bucket_name=self.records_bucket_name, key_arn=self.key_arn)
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
        self._work = WorkQueue.create(
            self, "Events", key_arn=self.key_arn, dead_letters_id="DeadLetters", of="the capture"
        )
        self._shown = WorkQueue.create(
            self,
            "Shown",
            key_arn=self.key_arn,
            dead_letters_id="ShownDeadLetters",
            of="the projection to MLflow",
            is_fifo=True,
        )
        self.dead_letters = self._work.dead_letters
        """The events that could not be captured."""
        self._functions(log_retention_days)
        self._listen()
        for work in (self._work, self._shown):
            work_alarms(self, work, store=name, topic_arn=alarm_topic_arn)

    def grant_use(self, role: Role) -> None:
        """Let a role read and write the experiments of every project: neither apps nor servers tell experiments apart."""
        role.allow(self._mlflow.use())

    def _key(self, removal_policy: RemovalPolicy) -> str:
        policy = key_policy(partition=self._partition, region=self._region, account=self._account)
        encrypt_messages = {
            "Sid": "EncryptMessages",
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
            key_policy={**policy, "Statement": [*cast(list[object], policy["Statement"]), encrypt_messages]},
        )
        key.apply_removal_policy(removal_policy)
        arn: str = key.attr_arn
        return arn

    def _buckets(self, removal_policy: RemovalPolicy, retention: RecordRetention) -> None:
        logs, log_bucket_name = log_bucket(self, "Logs", account=self._account, partition=self._partition)
        artifacts, self.artifact_bucket_name = project_bucket(
            self,
            "Artifacts",
            key_arn=self.key_arn,
            log_bucket_name=log_bucket_name,
            keep_old_versions_days=90,
            partition=self._partition,
        )
        records, self.records_bucket_name = records_bucket(
            self,
            "Records",
            key_arn=self.key_arn,
            log_bucket_name=log_bucket_name,
            partition=self._partition,
            retention=retention,
        )
        for bucket in (logs, artifacts, records):
            bucket.apply_removal_policy(removal_policy)
        if retention.backup_days is not None:
            RecordsBackup(
                self,
                "Backup",
                name=f"{self._name}-records",
                bucket_name=self.records_bucket_name,
                key_arn=self.key_arn,
                keep_days=retention.backup_days,
                partition=self._partition,
                account=self._account,
                removal_policy=removal_policy,
            )

    def _functions(self, log_retention_days: int) -> None:
        functions = StoreFunctions(
            self,
            name=self._name,
            key_arn=self.key_arn,
            records_bucket_name=self.records_bucket_name,
            partition=self._partition,
            region=self._region,
            account=self._account,
            log_retention_days=log_retention_days,
        )
        self.capture = functions.capture(self._work, self._shown)
        self.projection = functions.projection(self._shown, self._work, app_arn=self.app_arn)
        self.grant_use(self.projection.role)
        self._work.feed(self, self.capture, most_at_once=_CAPTURES_AT_ONCE)
        self._shown.feed(self, self.projection, most_at_once=_PROJECTIONS_AT_ONCE)
        self.reconciliation = functions.reconciliation(self._work)
        self._call_every_hour(self.reconciliation)

    def _call_every_hour(self, function: RuntimeFunction) -> None:
        """It makes one pass a day; the other calls go on with a pass that was stopped, or do nothing."""
        name = f"{self._name}-reconciliation"
        group = scheduler.CfnScheduleGroup(self, "Schedules", name=name)
        role = ServiceRole(
            self,
            "SchedulerRole",
            service="scheduler.amazonaws.com",
            account=self._account,
            source_arn=f"arn:{self._partition}:scheduler:{self._region}:{self._account}:schedule-group/{name}",
            description=f"Calls the function {name}",
            statements=[
                Statement(sid="Call", actions=["lambda:InvokeFunction"], resources=[function.function_arn]),
                self._use_key(),
            ],
        )
        scheduler.CfnSchedule(
            self,
            "EveryHour",
            name=name,
            group_name=group.ref,
            description="Finds runs whose events were lost",
            schedule_expression="rate(1 hour)",
            flexible_time_window={"mode": "FLEXIBLE", "maximumWindowInMinutes": 15},
            kms_key_arn=self.key_arn,
            target={
                "arn": function.function_arn,
                "roleArn": role.arn,
                # A call that fails is not worth another: the next one comes in an hour.
                "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
            },
        )

    def _listen(self) -> None:
        dead_letters = self.dead_letters.attr_arn
        rule = events.CfnRule(
            self,
            "StateChanges",
            description="State changes of SageMaker and observations of the platform, for the capture",
            event_pattern={"source": ["aws.sagemaker", "mlplatform"], "detail-type": list(CAPTURED)},
            targets=[
                {
                    "id": "Capture",
                    "arn": self._work.arn,
                    "deadLetterConfig": {"arn": dead_letters},
                    "retryPolicy": {"maximumEventAgeInSeconds": _SIX_HOURS_SECONDS, "maximumRetryAttempts": 20},
                }
            ],
        )
        senders = [("events.amazonaws.com", rule.attr_arn)]
        queue_policy(self, "DeadLettersPolicy", self.dead_letters, arn=dead_letters, senders=senders)
        queue_policy(self, "ShownDeadLettersPolicy", self._shown.dead_letters, arn=self._shown.dead_letters.attr_arn)
        self._work.admit(self, senders)
        self._shown.admit(self)

    def _use_key(self) -> Statement:
        return Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key_arn])
