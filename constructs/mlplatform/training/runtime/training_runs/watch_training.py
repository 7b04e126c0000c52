"""The Lambda that is told how executions of a training pipeline end: it learns from them, and starts again what failed for its machine.

Where executions may move from spot capacity to on demand, it is also called at the last moment for that: it stops one whose training
job still waits, and starts it on demand once it has stopped, so that no two jobs write the same checkpoints.

Whatever the event is, every execution that was planned is looked at: an event that got lost is made up for by the next one, and one that
comes twice finds nothing to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from attempts.executions import Json, failure_of, is_busy, job_of, steps_of, stop
from attempts.failures import FailureKind
from mlscaling.jobs.spot import Finish

from .looking_again import look_again
from .memory_used import usage_of
from .settings import Settings
from .state import Again, Planned, State, TrainingStore
from .transitions import TRAIN_STEP, Ended, confirm_started, end, wait

ATTEMPT, CHECKPOINTS_OF, READY_BY = "Attempt", "CheckpointsOf", "ReadyBy"
WITH_MACHINE = ("Downloading", "Training", "Uploading", "Completed")
WITHOUT_CAPACITY = ("MaxWaitTimeExceeded", "Interrupted")
"""Secondary statuses of training jobs (API reference, DescribeTrainingJob)."""


class NotEndedError(Exception):
    """An execution was told to have ended, and is still at work when it is looked at."""


class NotStartedError(Exception):
    """An execution could not be started again; the message says why."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, list[str]]:
    """Look, learn, start again; answer what was started. What is raised brings the event back, twice."""
    settings = Settings.from_environment()
    watch = TrainingWatch(
        settings=settings,
        store=TrainingStore(boto3.client("s3"), settings.state_uri),
        sagemaker=boto3.client("sagemaker"),
        cloudwatch=boto3.client("cloudwatch"),
        scheduler=boto3.client("scheduler"),
    )
    return {"started": watch.look(datetime.now(UTC), event.get("detail", {}).get("pipelineExecutionArn"))}


@dataclass(frozen=True)
class AtWork:
    """An execution that has not ended, and whether its training job has, or had, a machine."""

    has_machine: bool


@dataclass(frozen=True)
class TrainingWatch:
    """The watch over one pipeline, with what it needs of AWS."""

    settings: Settings
    store: TrainingStore
    sagemaker: Any
    cloudwatch: Any
    scheduler: Any

    def look(self, now: datetime, ended_arn: str | None = None) -> list[str]:
        """The ARNs of executions that were started again. `ended_arn` is the one of which it was told that it has ended.

        Raises NotStartedError when one could not be started, and NotEndedError when that one has not ended.
        """
        looked = {arn: self._look_at(arn, planned) for arn, planned in self.store.read().planned.items()}

        def decide(state: State) -> State:
            for arn, found in looked.items():
                if isinstance(found, Ended):
                    state = end(state, arn, found, self.settings, now)
                else:
                    state = wait(state, arn, self.settings, now, has_machine=found.has_machine)
            return state

        state = self.store.update(decide)
        look_again(self.scheduler, state, self.settings, now)
        for arn, planned in state.planned.items():
            if planned.spot is not None and planned.spot.moves:
                stop(self.sagemaker, arn)
        if ended_arn in state.planned:
            raise NotEndedError(
                f"{ended_arn} has ended, as an event says, and still runs, as SageMaker says; look again later"
            )
        return [self._start(again) for again in state.again]

    def _look_at(self, execution_arn: str, planned: Planned) -> Ended | AtWork:
        """How an execution ended, or that it is at work."""
        try:
            execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFound":
                raise
            return Ended()
        is_at_work = execution["PipelineExecutionStatus"] in ("Executing", "Stopping")
        if is_at_work and planned.spot is None:
            return AtWork(has_machine=True)
        steps = steps_of(self.sagemaker, execution_arn)
        job = self._job(steps)
        if is_at_work:
            return AtWork(has_machine=job.get("SecondaryStatus") in WITH_MACHINE)
        return self._ended(execution, steps, job, planned)

    def _ended(self, execution: Json, steps: list[Json], job: Json, planned: Planned) -> Ended:
        failed = execution["PipelineExecutionStatus"] == "Failed"
        failure = failure_of(steps, execution) if failed else None
        if failure is not None and job.get("SecondaryStatus") in WITHOUT_CAPACITY:
            failure = replace(failure, kind=FailureKind.NO_CAPACITY, step=TRAIN_STEP)
        has_trained = any(step["StepName"] == TRAIN_STEP and step["StepStatus"] == "Succeeded" for step in steps)
        usage = usage_of(self.cloudwatch, job, self.settings.ladder, planned.input_bytes) if has_trained else None
        has_finished = has_trained and execution["PipelineExecutionStatus"] == "Succeeded"
        finish = _finish_of(execution, job, planned) if has_finished and self.settings.on_demand is not None else None
        return Ended(usage, failure, finish, stopped=execution["PipelineExecutionStatus"] == "Stopped")

    def _job(self, steps: list[Json]) -> Json:
        """The training job of an execution; empty where there is none yet."""
        trained = next((step for step in steps if step["StepName"] == TRAIN_STEP), {})
        job_arn = job_of(trained)
        if job_arn is None:
            return {}
        found: Json = self.sagemaker.describe_training_job(TrainingJobName=job_arn.rpartition("/")[2])
        return found

    def _start(self, again: Again) -> str:
        """Start the execution with the parameters of the one before it. The same call again answers the same execution."""
        try:
            arn: str = self.sagemaker.start_pipeline_execution(
                PipelineName=self._pipeline_name(again),
                PipelineExecutionDescription=again.description,
                PipelineParameters=[{"Name": name, "Value": value} for name, value in self._parameters(again).items()],
                ClientRequestToken=again.token,
            )["PipelineExecutionArn"]
        except ClientError as error:
            if not is_busy(error):
                self.store.update(
                    lambda state: confirm_started(state, again)
                )  # It would be refused the next time, too.
            raise NotStartedError(f"{again.failed_arn} was not started again: {error}") from error
        self.store.update(lambda state: confirm_started(state, again))
        return arn

    def _pipeline_name(self, again: Again) -> str:
        on_demand = self.settings.on_demand
        return on_demand.pipeline_name if again.on_demand and on_demand is not None else self.settings.pipeline_name

    def _parameters(self, again: Again) -> dict[str, str]:
        """Those of the execution before it; one that moves goes on from the checkpoints of that one."""
        pages = self.sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
            PipelineExecutionArn=again.failed_arn
        )
        before = {given["Name"]: given["Value"] for page in pages for given in page["PipelineParameters"]}
        checkpoints = {CHECKPOINTS_OF: again.failed_arn.rpartition("/")[2]} if again.on_demand else {}
        ready_by = {} if again.ready_by is None else {READY_BY: again.ready_by.isoformat()}
        return {**checkpoints, **before, ATTEMPT: str(again.attempt), **ready_by}


def _finish_of(execution: Json, job: Json, planned: Planned) -> Finish | None:
    """How long the execution took from its training on; None where that includes the time without a machine."""
    if any(entered["Status"] == "Interrupted" for entered in job.get("SecondaryStatusTransitions", [])):
        return None
    taken = execution["LastModifiedTime"] - job["TrainingStartTime"]
    return Finish(planned.input_bytes, taken.total_seconds())
