"""The schedule that starts a pipeline by itself."""

from __future__ import annotations

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlplatform.pipeline.dead_letters import dead_letter_queue, queue_policy
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject
from mlplatform.project.pipeline_permissions import start_statement

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
        name, pipeline_arn = pipeline.definition.name, pipeline.pipeline_arn
        self.dead_letters = dead_letter_queue(
            self, "DeadLetters", key_arn=project.key_arn, of=f"the schedule of {name}"
        )
        dead_letters_arn: str = self.dead_letters.attr_arn
        queue_policy(self, "DeadLettersPolicy", self.dead_letters, arn=dead_letters_arn)
        group = scheduler.CfnScheduleGroup(self, "Group", name=name)
        role = self._role(project, pipeline_arn, dead_letters_arn, group_name=name)
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
                "arn": pipeline_arn,
                "roleArn": role.arn,
                "deadLetterConfig": {"arn": dead_letters_arn},
                "retryPolicy": {
                    "maximumEventAgeInSeconds": _MAX_EVENT_AGE_SECONDS,
                    "maximumRetryAttempts": _MAX_RETRIES,
                },
            },
        )

    def _role(self, project: MlProject, pipeline_arn: str, queue_arn: str, *, group_name: str) -> ServiceRole:
        scheduler_arn = f"arn:{project.partition}:scheduler:{project.region}:{project.account}"
        return ServiceRole(
            self,
            "Role",
            service="scheduler.amazonaws.com",
            account=project.account,
            # EventBridge Scheduler sends the ARN of the group (user guide, "Prevent confused deputy").
            source_arn=f"{scheduler_arn}:schedule-group/{group_name}",
            description=f"Starts the pipeline {group_name} on its schedule",
            statements=[
                Statement(sid="KeepFailedStarts", actions=["sqs:SendMessage"], resources=[queue_arn]),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
                start_statement(pipeline_arn),
            ],
        )
