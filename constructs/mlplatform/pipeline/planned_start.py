"""Starts on events: EventBridge rules tell a function, which plans the start with EventBridge Scheduler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mlplatform.pipeline.dead_letters import keep_failed_events
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.pipeline.start_events import StartOn
from mlplatform.policy import Statement
from mlplatform.project import MlProject

_CODE = Path(__file__).parent / "runtime" / "plan_start.py"
_SCHEDULE_NAME = "on-events"
_MAX_START_AGE_SECONDS = 3_600
_MAX_START_RETRIES = 10


Because = Literal["schedule", "events"]
"""Why a start was asked for."""


def start_input(because: Because) -> str:
    """What a function that starts a pipeline is told. EventBridge Scheduler fills in the time, in UTC, to the second
    (user guide, "Adding context attributes")."""
    return json.dumps({"start": {"scheduled_at": "<aws.scheduler.scheduled-time>", "because": because}})


@dataclass(frozen=True, kw_only=True)
class StartTarget:
    """A pipeline as EventBridge Scheduler starts it: through a role, with a queue for the starts that fail for an hour.

    With `function_arn`, the schedule calls that function instead, which starts the pipeline as it sees fit.
    """

    pipeline_name: str
    pipeline_arn: str
    role_arn: str
    dead_letters_arn: str
    function_arn: str | None = None

    def request(self, because: Because) -> dict[str, object]:
        """The `Target` of a schedule (API reference, EventBridge Scheduler); a function is told why it is called."""
        call = {} if self.function_arn is None else {"Input": start_input(because)}
        return {
            "Arn": self.pipeline_arn if self.function_arn is None else self.function_arn,
            "RoleArn": self.role_arn,
            **call,
            "DeadLetterConfig": {"Arn": self.dead_letters_arn},
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": _MAX_START_AGE_SECONDS,
                "MaximumRetryAttempts": _MAX_START_RETRIES,
            },
        }


class PlannedStart(Construct):
    """Plans at most one start of a pipeline for each cool-down, as a one-time schedule that deletes itself.

    The schedule is in the group called `group_name`. Events that the function fails on three times go to the target's
    dead-letter queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        start_on: StartOn,
        group_name: str,
        target: StartTarget,
    ) -> None:
        super().__init__(scope, construct_id)
        schedule = {
            "GroupName": group_name,
            "Name": _SCHEDULE_NAME,
            "Description": f"Starts the pipeline {target.pipeline_name} on events",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "KmsKeyArn": project.key_arn,
            "Target": target.request("events"),
        }
        scheduler = f"arn:{project.partition}:scheduler:{project.region}:{project.account}"
        function = RuntimeFunction(
            self,
            "Function",
            name=f"{target.pipeline_name}-plan-start",
            description=f"Plans starts of the pipeline {target.pipeline_name}",
            code=_CODE,
            handler=f"{_CODE.stem}.handler",
            environment={
                "PIPELINE_NAME": target.pipeline_name,
                "COOL_DOWN_MINUTES": str(start_on.cool_down_minutes),
                "SCHEDULE": json.dumps(schedule),
            },
            statements=[
                Statement(
                    sid="FindTheLastStart",
                    actions=["sagemaker:ListPipelineExecutions"],
                    resources=[target.pipeline_arn],
                ),
                Statement(
                    sid="PlanTheStart",
                    actions=["scheduler:CreateSchedule", "scheduler:GetSchedule"],
                    resources=[f"{scheduler}:schedule/{target.pipeline_name}/{_SCHEDULE_NAME}"],
                ),
                Statement(
                    sid="PassTheRole",
                    actions=["iam:PassRole"],
                    resources=[target.role_arn],
                    conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
                ),
                Statement(
                    sid="UseTheKey",
                    actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
                    resources=[project.key_arn],
                ),
                Statement(sid="KeepFailedEvents", actions=["sqs:SendMessage"], resources=[target.dead_letters_arn]),
            ],
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
            failures="events that it fails on go to the dead-letter queue of the pipeline's starts",
        )
        keep_failed_events(self, function, target.dead_letters_arn)
        for number, event in enumerate(start_on.events, start=1):
            rule = events.CfnRule(
                self,
                f"Rule{number}",
                description=f"Plans a start of the pipeline {target.pipeline_name} on {type(event).__name__}",
                event_pattern=event.pattern(project),
                targets=[
                    {
                        "id": "PlanStart",
                        "arn": function.function_arn,
                        "input": json.dumps({"settle_minutes": event.settle_minutes}),
                    }
                ],
            )
            lambda_.CfnPermission(
                self,
                f"Invoke{number}",
                action="lambda:InvokeFunction",
                function_name=function.resource.ref,
                principal="events.amazonaws.com",
                source_arn=rule.attr_arn,
            )
