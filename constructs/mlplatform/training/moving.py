"""How an execution that waits for spot capacity moves to on demand before a deadline: the second pipeline, and looks at a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlpipelines import CheckpointConfig, Join, Parameter, Pipeline, Step, TrainingStep
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject
from mlplatform.training.resources import TrainingResources

READY_BY = Parameter(name="ReadyBy", default="unset")
"""When the model has to be ready, such as `2026-11-30T06:00:00Z`; `ready_within_minutes` after the start unless an execution says."""
CHECKPOINTS_OF = Parameter(name="CheckpointsOf")
"""The id of the execution whose checkpoints one on demand goes on from; the platform sets it."""
EXECUTION_IDS = "SageMaker gives executions their ids at run time"


class Moving(Construct):
    """What it takes to look at executions at their last moment, and nothing at rest: a group of schedules that is empty then.

    The function called `watch_name` looks. The pipeline on demand is called `<pipeline>-on-demand`.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, project: MlProject, pipeline_name: str, watch_name: str
    ) -> None:
        super().__init__(scope, construct_id)
        self._project, self._watch_name = project, watch_name
        self.pipeline_name = on_demand_name(pipeline_name)
        # As text: the function has to know the role.
        self._function_arn = self._arn("lambda", f"function:{watch_name}")
        self._group = scheduler.CfnScheduleGroup(self, "Group", name=watch_name)
        self._waker = ServiceRole(
            self,
            "Waker",
            service="scheduler.amazonaws.com",
            account=project.account,
            path=project.role_path,
            source_arn=self._arn("scheduler", f"schedule-group/{watch_name}"),
            description=f"Wakes the watch over the training of {pipeline_name}",
            statements=[
                Statement(sid="WakeTheWatch", actions=["lambda:InvokeFunction"], resources=[self._function_arn]),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
            ],
        )

    def settings(self, resources: TrainingResources) -> dict[str, Any]:
        """What the functions read (`training_runs.settings.OnDemand`)."""
        return {
            "pipeline_name": self.pipeline_name,
            "ready_within_minutes": resources.ready_within_minutes,
            "max_runtime_seconds": resources.max_runtime_seconds,
            "next_look": {
                "group_name": self._group.ref,
                "role_arn": self._waker.arn,
                "key_arn": self._project.key_arn,
            },
            "watch_arn": self._function_arn,
        }

    def look_statements(self) -> list[Statement]:
        """Plan a look."""
        return [
            Statement(
                sid="LookAgain",
                actions=["scheduler:CreateSchedule", "scheduler:UpdateSchedule"],
                resources=[self._arn("scheduler", f"schedule/{self._watch_name}/*")],
                wildcard_reason=EXECUTION_IDS,
            ),
            Statement(
                sid="PassTheWaker",
                actions=["iam:PassRole"],
                resources=[self._waker.arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            ),
            Statement(sid="EncryptLooks", actions=["kms:DescribeKey"], resources=[self._project.key_arn]),
        ]

    def watch_statements(self, spot_pipeline_arn: str) -> list[Statement]:
        """Stop what waits too long, and plan the next look."""
        stopping = Statement(
            sid="StopWhatWaits",
            actions=["sagemaker:StopPipelineExecution"],
            resources=[f"{spot_pipeline_arn}/execution/*"],
            wildcard_reason=EXECUTION_IDS,
        )
        return [stopping, *self.look_statements()]

    def _arn(self, service: str, resource: str) -> str:
        project = self._project
        return f"arn:{project.partition}:{service}:{project.region}:{project.account}:{resource}"


def on_demand_name(pipeline_name: str) -> str:
    """What the pipeline is called to which executions move."""
    return f"{pipeline_name}-on-demand"


def on_demand(pipeline: Pipeline, checkpoints_root_uri: str) -> Pipeline:
    """The same pipeline but for its training job, which is on demand and goes on from the checkpoints of another execution.

    Its files are where those of the pipeline are, so that the same functions serve both.
    """
    return replace(
        pipeline,
        name=on_demand_name(pipeline.name),
        description=f"{pipeline.description}; on demand, when spot capacity would come too late",
        parameters=[*pipeline.parameters, CHECKPOINTS_OF],
        steps=list(_on_demand(pipeline.steps, checkpoints_root_uri)),
    )


def _on_demand(steps: Sequence[Step], checkpoints_root_uri: str) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, TrainingStep):
            uri = Join(values=(checkpoints_root_uri, CHECKPOINTS_OF, "checkpoints"))
            yield replace(step, spot=None, checkpoints=CheckpointConfig(s3_uri=uri))
        else:
            yield step
