"""The Lambda that is told how executions of a training pipeline end: it learns from them, and starts again what failed for its machine.

Whatever the event is, every execution that was planned is looked at: an event that got lost is made up for by the next one, and one that
comes twice finds nothing to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from attempts.executions import Json, failure_of, is_busy, job_of, steps_of
from mlscaling.ladder import Usage

from .memory_used import usage_of
from .settings import Settings
from .state import TRAIN_STEP, Again, Ended, Planned, State, TrainingStore, confirm_started, end

ATTEMPT = "Attempt"


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
    )
    return {"started": watch.look(datetime.now(UTC), event.get("detail", {}).get("pipelineExecutionArn"))}


@dataclass(frozen=True)
class TrainingWatch:
    """The watch over one pipeline, with what it needs of AWS."""

    settings: Settings
    store: TrainingStore
    sagemaker: Any
    cloudwatch: Any

    def look(self, now: datetime, ended_arn: str | None = None) -> list[str]:
        """The ARNs of executions that were started again. `ended_arn` is the one of which it was told that it has ended.

        Raises NotStartedError when one could not be started, and NotEndedError when that one has not ended.
        """
        looked = {arn: self._ended(arn, planned) for arn, planned in self.store.read().planned.items()}

        def decide(state: State) -> State:
            for arn, ended in looked.items():
                state = state if ended is None else end(state, arn, ended, self.settings, now)
            return state

        state = self.store.update(decide)
        if ended_arn in state.planned:
            raise NotEndedError(
                f"{ended_arn} has ended, as an event says, and still runs, as SageMaker says; look again later"
            )
        return [self._start(again) for again in state.again]

    def _ended(self, execution_arn: str, planned: Planned) -> Ended | None:
        """How an execution ended; None while it is at work."""
        try:
            execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFound":
                raise
            return Ended()
        if execution["PipelineExecutionStatus"] in ("Executing", "Stopping"):
            return None
        steps = steps_of(self.sagemaker, execution_arn)
        failure = failure_of(steps, execution) if execution["PipelineExecutionStatus"] == "Failed" else None
        return Ended(self._usage(steps, planned), failure)

    def _usage(self, steps: list[Json], planned: Planned) -> Usage | None:
        trained = next((step for step in steps if step["StepName"] == TRAIN_STEP), {})
        job_arn = job_of(trained)
        if job_arn is None or trained["StepStatus"] != "Succeeded":
            return None
        job = self.sagemaker.describe_training_job(TrainingJobName=job_arn.rpartition("/")[2])
        return usage_of(self.cloudwatch, job, self.settings.ladder, planned.input_bytes)

    def _start(self, again: Again) -> str:
        """Start the execution with the parameters of the one that failed. The same call again answers the same execution."""
        pages = self.sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
            PipelineExecutionArn=again.failed_arn
        )
        parameters = {given["Name"]: given["Value"] for page in pages for given in page["PipelineParameters"]}
        parameters[ATTEMPT] = str(again.attempt)
        try:
            arn: str = self.sagemaker.start_pipeline_execution(
                PipelineName=self.settings.pipeline_name,
                PipelineExecutionDescription=f"Attempt {again.attempt}, on another machine, after {again.failed_arn}",
                PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
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
