"""How the training job of a pipeline climbs the instance ladder: the step that plans it, and what starts a failed execution again."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from constructs import Construct

from mlpipelines import (
    PIPELINE_EXECUTION_ARN,
    START_DATE_TIME,
    LambdaOutput,
    LambdaStep,
    Parameter,
    RetryPolicy,
    Step,
    Text,
)
from mlplatform.pipeline.dead_letters import dead_letter_queue, keep_failed_events, queue_policy
from mlplatform.pipeline.execution_ends import hear_of_ends
from mlplatform.pipeline.functions import ATTEMPTS, RuntimeFunction, step_function
from mlplatform.pipeline.jobs import TRANSIENT_FAULTS
from mlplatform.policy import Statement
from mlplatform.project import JobLimits, MlProject
from mlplatform.project.pipeline_permissions import start_statement
from mlplatform.scaling import InstanceLadder
from mlplatform.training.moving import CHECKPOINTS_OF, EXECUTION_IDS, READY_BY, Moving
from mlplatform.training.resources import TrainingResources
from mlplatform.training.tuning import Tuning

ATTEMPT = Parameter(name="Attempt", type="Integer", default=1)
"""The how-manieth attempt an execution is; the platform sets it when it starts a failed one again."""
PLAN, WATCH = "PlanTraining", "WatchTraining"
# What may pass on the same machine. For want of capacity or quota, an execution is started again on another one.
_ON_THE_SAME_MACHINE = (
    TRANSIENT_FAULTS[0],
    RetryPolicy(exception_types=("SageMaker.JOB_INTERNAL_ERROR",), interval_seconds=60, max_attempts=5),
)

_CODE = Path(__file__).parent / "runtime" / "training_runs"


class Climbing(Construct):
    """The step `PlanTraining`, and the function that learns from how executions end; nothing for resources without a ladder.

    What earlier training jobs used and lacked is one document, `run-state/<pipeline>.json` in the artifact bucket. An
    execution whose training job ran out of memory, or found no capacity, is started again with the same parameters, as
    attempt 2 up to `max_attempts`; or in the pipeline `<pipeline>-on-demand`, where the model has a deadline. Events that the
    function fails on three times go to a dead-letter queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        pipeline_name: str,
        resources: TrainingResources,
    ) -> None:
        super().__init__(scope, construct_id)
        self._project, self._pipeline_name = project, pipeline_name
        self._artifacts_arn = f"arn:{project.partition}:s3:::{project.artifact_bucket_name}"
        self._state_key = f"run-state/{pipeline_name}.json"
        self._plan: RuntimeFunction | None = None
        self._moving: Moving | None = None
        self._has_choice = resources.ladder is not None
        ladder = resources.watched_ladder
        if ladder is not None:
            if resources.ready_within_minutes is not None:
                self._moving = Moving(
                    self, "Moving", project=project, pipeline_name=pipeline_name, watch_name=self._watch_name
                )
            environment = self._environment(ladder, resources)
            self._plan = self._plan_function(environment)
            self._watch(environment)

    @property
    def parameters(self) -> list[Parameter]:
        """What the platform sets in executions that it starts again."""
        return [*([ATTEMPT] if self._plan else []), *([READY_BY] if self._moving else [])]

    @property
    def retry_policies(self) -> Sequence[RetryPolicy]:
        """What the training step itself tries again."""
        return _ON_THE_SAME_MACHINE if self._has_choice else TRANSIENT_FAULTS

    @property
    def _watch_name(self) -> str:
        return f"{self._pipeline_name}-watch-training"

    def plan(self, train_uri: Text, *, after: Sequence[Step]) -> list[LambdaStep]:
        """The step that chooses the instance type, once the training set is there and checked."""
        if self._plan is None:
            return []
        inputs = {"train_uri": train_uri, "execution_arn": PIPELINE_EXECUTION_ARN, "attempt": ATTEMPT}
        deadline = {"started_at": START_DATE_TIME, "ready_by": READY_BY} if self._moving else {}
        planned = LambdaStep(
            name=PLAN,
            function_arn=self._plan.function_arn,
            inputs={**inputs, **deadline},
            outputs=[LambdaOutput(name=name) for name in ("instance_type", "input_bytes", "reason")],
            depends_on=after,
        )
        return [planned]

    def _environment(self, ladder: InstanceLadder, resources: TrainingResources) -> dict[str, str]:
        """What both functions read (`training_runs.settings`)."""
        settings = {
            "pipeline_name": self._pipeline_name,
            "state_uri": self._project.artifact_uri(self._state_key),
            "ladder": ladder.to_json(),
            "max_attempts": resources.attempts,
            **({} if self._moving is None else {"on_demand": self._moving.settings(resources)}),
        }
        return {"TRAINING": json.dumps(settings)}

    def _change_state(self) -> Statement:
        state_arn = f"{self._artifacts_arn}/{self._state_key}"
        return Statement(sid="ChangeState", actions=["s3:GetObject", "s3:PutObject"], resources=[state_arn])

    def _find(self, sid: str, *prefixes: str) -> Statement:
        """Without it, S3 answers AccessDenied instead of NoSuchKey for a state that is not there yet."""
        return Statement(
            sid=sid,
            actions=["s3:ListBucket"],
            resources=[self._artifacts_arn],
            conditions={"StringLike": {"s3:prefix": list(prefixes)}},
        )

    def _plan_function(self, environment: Mapping[str, str]) -> RuntimeFunction:
        """The function of the step."""
        return step_function(
            self,
            PLAN,
            project=self._project,
            pipeline_name=self._pipeline_name,
            code=_CODE,
            libraries=ATTEMPTS,
            handler="training_runs.plan_training.handler",
            environment=environment,
            statements=[
                self._change_state(),
                self._find("FindStateAndInput", self._state_key, f"{self._pipeline_name}/*"),
                *([] if self._moving is None else self._moving.look_statements()),
            ],
        )

    def _watch(self, environment: Mapping[str, str]) -> None:
        """The function that is told how executions end, and starts them again."""
        project, pipeline_name = self._project, self._pipeline_name
        dead_letters = dead_letter_queue(
            self, "DeadLetters", key_arn=project.key_arn, of=f"the watch over the training of {pipeline_name}"
        )
        dead_letters_arn: str = dead_letters.attr_arn
        queue_policy(self, "DeadLettersPolicy", dead_letters, arn=dead_letters_arn)
        sagemaker = f"arn:{project.partition}:sagemaker:{project.region}:{project.account}"
        # As text: the pipelines name the other function.
        names = (pipeline_name, *([] if self._moving is None else [self._moving.pipeline_name]))
        pipeline_arns = [f"{sagemaker}:pipeline/{name}" for name in names]
        watch = RuntimeFunction(
            self,
            WATCH,
            name=self._watch_name,
            description=f"Learns from executions of the pipeline {pipeline_name}, and starts them again on other machines",
            code=_CODE,
            libraries=ATTEMPTS,
            handler="training_runs.watch_training.handler",
            environment=environment,
            statements=[
                self._change_state(),
                self._find("FindState", self._state_key),
                start_statement(*pipeline_arns),
                Statement(
                    sid="FollowExecutions",
                    actions=[
                        "sagemaker:DescribePipelineExecution",
                        "sagemaker:ListPipelineExecutionSteps",
                        "sagemaker:ListPipelineParametersForExecution",
                    ],
                    resources=[f"{arn}/execution/*" for arn in pipeline_arns],
                    wildcard_reason=EXECUTION_IDS,
                ),
                *([] if self._moving is None else self._moving.watch_statements(pipeline_arns[0])),
                Statement(
                    sid="ReadJobs",
                    actions=["sagemaker:DescribeTrainingJob"],
                    resources=[f"{sagemaker}:training-job/pipelines-*"],
                    conditions={"StringEquals": {"aws:ResourceTag/project": project.name}},
                    wildcard_reason="SageMaker Pipelines names its jobs at run time; the condition tells whose they are",
                ),
                Statement(
                    sid="ReadMemoryUsed",
                    actions=["cloudwatch:GetMetricData"],
                    resources=["*"],
                    wildcard_reason="GetMetricData has no resource type; it reads numbers and changes nothing",
                ),
                Statement(sid="KeepFailedEvents", actions=["sqs:SendMessage"], resources=[dead_letters_arn]),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
            ],
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
            failures="events that it fails on go to the dead-letter queue of the watch",
        )
        keep_failed_events(self, watch, dead_letters_arn)
        hear_of_ends(
            self,
            watch,
            pipeline_arns=pipeline_arns,
            description=f"Tells the watch over the training of {pipeline_name} how its executions end",
        )


def ladder_problems(
    resources: TrainingResources, limits: JobLimits, tuning: Tuning | None, hyperparameters: Container[str]
) -> Iterator[str]:
    """A sentence for each thing of the pipeline that does not go with the ladder of its training job."""
    if resources.watched_ladder is None:
        return
    said = "a ladder" if resources.ladder else "ready_within_minutes"
    yield from resources.watched_ladder.problems(limits)
    if tuning is not None:
        yield f"{said} is for one training job, and tuning runs many; leave out one of them"
    if ATTEMPT.name in hyperparameters:
        yield f"hyperparameter '{ATTEMPT.name}' is the parameter that counts attempts on a ladder; use another name"
    if resources.ready_within_minutes is not None:
        for taken in (READY_BY.name, CHECKPOINTS_OF.name):
            if taken in hyperparameters:
                yield f"hyperparameter '{taken}' is a parameter of executions with ready_within_minutes; use another name"
