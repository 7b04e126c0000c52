"""The controller of a pipeline's runs: one function that decides, what wakes it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnCustomResource
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlplatform.batch_inference import run_metrics
from mlplatform.batch_inference.functions import LIBRARIES, RUNTIME, RunFiles, put_metrics
from mlplatform.pipeline.dead_letters import dead_letter_queue, keep_failed_events, queue_policy
from mlplatform.pipeline.execution_ends import hear_of_ends
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project.pipeline_permissions import start_statement

_FIRST_LOOK_SECONDS = 300  # Longer than the function may run; CloudFormation's default is an hour.


class RunController(Construct):
    """Starts the attempts of a pipeline's runs, one at a time, watches how they end, and says so when nobody else would.

    It is woken by the start of a run (a schedule, an event, `mlp backfill`), by each end of an execution, and every five
    minutes, so that a lost event, a killed function or a deadline that passes goes unnoticed for five minutes at most.
    A tick is 8,640 calls of a small function a month: a few cents (AWS Lambda pricing).

    Parameters:
        files: where the runs are.
        settings: what the steps' functions read, too (`runs.settings`).
        measured: whether a `QualityPipeline` measures the predictions; then the controller also tells when that fails.

    Events that the function fails on three times go to `dead_letters`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        files: RunFiles,
        settings: Mapping[str, Any],
        measured: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        project, name = files.project, f"{files.pipeline_name}-controller"
        self.dead_letters = dead_letter_queue(
            self, "DeadLetters", key_arn=project.key_arn, of=f"the controller of {files.pipeline_name}"
        )
        dead_letters_arn: str = self.dead_letters.attr_arn
        queue_policy(self, "DeadLettersPolicy", self.dead_letters, arn=dead_letters_arn)
        waker = self._waker(files, group_name=name)
        self.function = RuntimeFunction(
            self,
            "Function",
            name=name,
            description=f"Decides on the runs of the pipeline {files.pipeline_name}",
            code=RUNTIME / "runs",
            libraries=LIBRARIES,
            handler="runs.controller.handler",
            environment={
                "RUNS": json.dumps(
                    {
                        **settings,
                        "next_look": {"group_name": name, "role_arn": waker.arn, "key_arn": project.key_arn},
                    }
                )
            },
            statements=[
                files.find_state(),
                files.change_state(),
                files.list_objects("FindManifests", files.output_arn, f"{files.pipeline_name}/manifests/*"),
                Statement(
                    sid="ReadManifests",
                    actions=["s3:GetObject"],
                    resources=[f"{files.output_arn}/{files.pipeline_name}/manifests/*"],
                    wildcard_reason="runs get their ids at run time, under the prefix of this pipeline",
                ),
                start_statement(files.pipeline_arn),
                files.follow_executions(
                    "DescribePipelineExecution", "ListPipelineExecutionSteps", "StopPipelineExecution"
                ),
                *([_read_measurements(files)] if measured else []),
                Statement(
                    sid="LookAgain",
                    actions=["scheduler:CreateSchedule", "scheduler:UpdateSchedule"],
                    resources=[files.arn("scheduler", f"schedule/{name}/next-look")],
                ),
                Statement(
                    sid="PassTheWaker",
                    actions=["iam:PassRole"],
                    resources=[waker.arn],
                    conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
                ),
                Statement(sid="Alert", actions=["sns:Publish"], resources=[project.topic_arn]),
                Statement(sid="KeepFailedEvents", actions=["sqs:SendMessage"], resources=[dead_letters_arn]),
                Statement(
                    sid="UseTheKey",
                    actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
                    resources=[project.key_arn],
                ),
                put_metrics(),
            ],
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
            failures="events that it fails on go to the controller's dead-letter queue",
            timeout_seconds=120,
        )
        keep_failed_events(self, self.function, dead_letters_arn)
        hear_of_ends(
            self,
            self.function,
            pipeline_arns=[files.pipeline_arn, *([files.quality_pipeline_arn] if measured else [])],
            description=f"Tells the controller how executions of the pipeline {files.pipeline_name} end",
        )
        self._tick(files, group_name=name, role_arn=waker.arn)
        self.first_look = CfnCustomResource(
            self, "FirstLook", service_token=self.function.function_arn, service_timeout=_FIRST_LOOK_SECONDS
        )
        """A look that is part of the deployment: what depends on it finds metrics, and the output's age counts from it."""

    def _waker(self, files: RunFiles, *, group_name: str) -> ServiceRole:
        """What EventBridge Scheduler wakes the function as."""
        project = files.project
        function_arn = files.arn("lambda", f"function:{group_name}")  # As text: the function has to know this role.
        return ServiceRole(
            self,
            "Waker",
            service="scheduler.amazonaws.com",
            account=project.account,
            path=project.role_path,
            source_arn=files.arn("scheduler", f"schedule-group/{group_name}"),
            description=f"Wakes the controller of the pipeline {files.pipeline_name}",
            statements=[
                Statement(sid="WakeTheController", actions=["lambda:InvokeFunction"], resources=[function_arn]),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
            ],
        )

    def _tick(self, files: RunFiles, *, group_name: str, role_arn: str) -> None:
        group = scheduler.CfnScheduleGroup(self, "Group", name=group_name)
        scheduler.CfnSchedule(
            self,
            "Tick",
            name=f"{files.pipeline_name}-tick",  # To CloudFormation a name is all there is of a schedule, whatever its group.
            group_name=group.ref,
            description=f"Has the controller of the pipeline {files.pipeline_name} look around",
            schedule_expression=f"rate({run_metrics.TICK_SECONDS // 60} minutes)",
            flexible_time_window={"mode": "OFF"},
            kms_key_arn=files.project.key_arn,
            target={
                "arn": self.function.function_arn,
                "roleArn": role_arn,
                "input": json.dumps({"tick": True}),
                # A tick that fails is not worth another: the next one comes in five minutes.
                "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
            },
        )


def _read_measurements(files: RunFiles) -> Statement:
    """See why an execution that measures quality failed."""
    return Statement(
        sid="ReadMeasurements",
        actions=["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
        resources=[f"{files.quality_pipeline_arn}/execution/*"],
        wildcard_reason="SageMaker gives executions their ids at run time",
    )
