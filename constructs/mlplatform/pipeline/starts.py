"""How a pipeline starts by itself: on a schedule, on events, or both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlplatform.pipeline.dead_letters import dead_letter_queue, queue_policy
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.pipeline.planned_start import PlannedStart, StartTarget
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.start_events import StartOn
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject
from mlplatform.project.pipeline_permissions import start_statement


class PipelineStarts(Construct):
    """Starts one pipeline through EventBridge Scheduler, with a role that can do nothing else.

    A start that SageMaker refuses is tried again for an hour; then it goes to `dead_letters`, kept 14 days, encrypted
    with the project's key. `name` is the pipeline's, `pipeline_arn` goes through the resource.

    With `through`, the pipeline is not started but that function called, and only it, with
    `{"start": {"scheduled_at": <when it was due, in UTC>, "because": "schedule" or "events"}}`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        name: str,
        pipeline_arn: str,
        schedule: Schedule | None,
        start_on: StartOn | None,
        through: RuntimeFunction | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters", key_arn=project.key_arn, of=f"the starts of {name}")
        dead_letters_arn: str = self.dead_letters.attr_arn
        queue_policy(self, "DeadLettersPolicy", self.dead_letters, arn=dead_letters_arn)
        group = scheduler.CfnScheduleGroup(self, "Group", name=name)
        start = start_statement(pipeline_arn) if through is None else _call_statement(through)
        role = self._role(project, start, dead_letters_arn, group_name=name)
        target = StartTarget(
            pipeline_name=name,
            pipeline_arn=pipeline_arn,
            role_arn=role.arn,
            dead_letters_arn=dead_letters_arn,
            function_arn=None if through is None else through.function_arn,
        )
        if schedule is not None:
            scheduler.CfnSchedule(
                self,
                "Resource",
                name=name,
                group_name=group.ref,
                description=f"Starts the pipeline {name}",
                schedule_expression=schedule.expression,
                schedule_expression_timezone=schedule.time_zone,
                flexible_time_window=_flexible_time_window(schedule),
                start_date=_utc(schedule.start_date),
                end_date=_utc(schedule.end_date),
                kms_key_arn=project.key_arn,
                target=_lower_camel(target.request("schedule")),
            )
        if start_on is not None:
            PlannedStart(
                self,
                "OnEvents",
                project=project,
                start_on=start_on,
                group_name=group.ref,
                target=target,
            )

    def _role(self, project: MlProject, start: Statement, queue_arn: str, *, group_name: str) -> ServiceRole:
        scheduler_arn = f"arn:{project.partition}:scheduler:{project.region}:{project.account}"
        return ServiceRole(
            self,
            "Role",
            service="scheduler.amazonaws.com",
            account=project.account,
            path=project.role_path,
            # EventBridge Scheduler sends the ARN of the group (user guide, "Prevent confused deputy").
            source_arn=f"{scheduler_arn}:schedule-group/{group_name}",
            description=f"Starts the pipeline {group_name} by itself",
            statements=[
                Statement(sid="KeepFailedStarts", actions=["sqs:SendMessage"], resources=[queue_arn]),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
                start,
            ],
        )


def _call_statement(function: RuntimeFunction) -> Statement:
    return Statement(sid="CallTheFunction", actions=["lambda:InvokeFunction"], resources=[function.function_arn])


def _flexible_time_window(schedule: Schedule) -> dict[str, Any]:
    if schedule.flexible_window_minutes == 0:
        return {"mode": "OFF"}
    return {"mode": "FLEXIBLE", "maximumWindowInMinutes": schedule.flexible_window_minutes}


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _lower_camel(members: Mapping[str, Any]) -> dict[str, Any]:
    """What the API calls `RoleArn` is `roleArn` to the CDK."""
    return {
        name[0].lower() + name[1:]: _lower_camel(value) if isinstance(value, Mapping) else value
        for name, value in members.items()
    }
