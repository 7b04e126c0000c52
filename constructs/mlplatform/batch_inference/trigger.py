"""The schedule that starts a pipeline by itself."""

from __future__ import annotations

from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mlplatform.compliance import accept
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject

_FOURTEEN_DAYS_SECONDS = 1_209_600  # The longest that SQS keeps a message.
_MAX_EVENT_AGE_SECONDS = 3_600
_MAX_RETRIES = 10


class ScheduledStart(Construct):
    """Starts one pipeline on a schedule of EventBridge Scheduler, through a role that can do nothing else.

    A start that SageMaker refuses is tried again for an hour; then it goes to `dead_letters`, kept 14 days, encrypted
    with the project's key.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        pipeline: SageMakerPipeline,
        schedule: Schedule,
    ) -> None:
        super().__init__(scope, construct_id)
        name = pipeline.definition.name
        self.dead_letters = self._dead_letter_queue(project)
        group = scheduler.CfnScheduleGroup(self, "Group", name=name)
        role = self._role(project, pipeline, self.dead_letters.attr_arn, group_name=name)
        scheduler.CfnSchedule(
            self,
            "Resource",
            name=name,
            group_name=group.ref,
            description=f"Starts the pipeline {name}",
            schedule_expression=schedule.expression,
            schedule_expression_timezone=schedule.time_zone,
            flexible_time_window={"mode": "OFF"},
            kms_key_arn=project.key_arn,
            target={
                "arn": pipeline.pipeline_arn,
                "roleArn": role.arn,
                "deadLetterConfig": {"arn": self.dead_letters.attr_arn},
                "retryPolicy": {
                    "maximumEventAgeInSeconds": _MAX_EVENT_AGE_SECONDS,
                    "maximumRetryAttempts": _MAX_RETRIES,
                },
            },
        )

    def _dead_letter_queue(self, project: MlProject) -> sqs.CfnQueue:
        queue = sqs.CfnQueue(
            self,
            "DeadLetters",
            kms_master_key_id=project.key_arn,
            message_retention_period=_FOURTEEN_DAYS_SECONDS,
        )
        sqs.CfnQueuePolicy(
            self,
            "DeadLettersPolicy",
            queues=[queue.ref],
            policy_document=tls_only(queue.attr_arn),
        )
        accept(queue, {"AwsSolutions-SQS3": "it is the dead-letter queue of the schedule"})
        return queue

    def _role(
        self, project: MlProject, pipeline: SageMakerPipeline, queue_arn: str, *, group_name: str
    ) -> ServiceRole:
        role = ServiceRole(
            self,
            "Role",
            service="scheduler.amazonaws.com",
            account=project.account,
            description=f"Starts the pipeline {group_name} on its schedule",
            statements=[
                Statement(sid="KeepFailedStarts", actions=["sqs:SendMessage"], resources=[queue_arn]),
                Statement(
                    sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]
                ),
            ],
        )
        project.grant_start_pipelines(role, pipeline.pipeline_arn)
        # EventBridge Scheduler sends the ARN of the group (user guide, "Prevent confused deputy").
        group_arn = f"arn:{project.partition}:scheduler:{project.region}:{project.account}:schedule-group/{group_name}"
        source = {"aws:SourceAccount": project.account, "aws:SourceArn": group_arn}
        role.resource.add_property_override(
            "AssumeRolePolicyDocument.Statement.0.Condition", {"StringEquals": source}
        )
        return role


def tls_only(queue_arn: str) -> dict[str, object]:
    """A queue policy that refuses requests without TLS."""
    statement = {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": queue_arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
