"""Pipeline executions as the controller sees and moves them: how an attempt ended, to start one, to stop one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from attempts.executions import Json, answer_of, failure_of, is_busy, steps_of, stop
from attempts.failures import Failure, FailureKind
from attempts.machines import Machine, machine_of
from attempts.objects import find
from runs.outbox import StartExecution
from runs.settings import Settings
from runs.state import ActiveRun
from runs.transitions import Ending

NOT_STARTED = "StartPipelineExecution"
# Which step's answer names the machine of a job, and under which name.
_PLANNED_BY = {
    "PrepareInput": ("BeginRun", "prepare_instance_type", "input_bytes"),
    "Score": ("PlanScoring", "instance_type", "input_bytes"),
    "ScoreChallenger": ("PlanScoring", "instance_type", "input_bytes"),
}


@dataclass(frozen=True)
class Executions:
    """The executions of one pipeline."""

    sagemaker: Any
    s3: Any
    settings: Settings

    def ending(self, run_id: str, run: ActiveRun) -> Ending | None:
        """How the present attempt of a run ended; None while it runs, or has not been started."""
        if run.execution_arn is None:
            return None
        try:
            execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=run.execution_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFound":
                raise
            gone = Failure(FailureKind.INTERRUPTED, NOT_STARTED, f"execution {run.execution_arn} is gone")
            return Ending(run_id, run.fence, failure=gone)
        status = execution["PipelineExecutionStatus"]
        if status in ("Executing", "Stopping"):
            return None
        published = status == "Succeeded" or self.published_generation(run_id) == run.generation
        if status != "Failed":
            return Ending(run_id, run.fence, published)
        steps = steps_of(self.sagemaker, run.execution_arn)
        failure = failure_of(steps, execution)
        return Ending(run_id, run.fence, published, failure, self._machine(steps, failure.step))

    def failure(self, execution_arn: str) -> Failure:
        """Why an execution that has failed did so."""
        execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        return failure_of(steps_of(self.sagemaker, execution_arn), execution)

    def published_generation(self, run_id: str) -> int | None:
        """The generation of a run's manifest; None when it has published nothing."""
        manifest = find(self.s3, f"{self.settings.root_uri}/manifests/{run_id}.json")
        # Manifests had none before runs had attempts.
        return None if manifest is None else int(manifest.document.get("generation", 0))

    def start(self, wanted: StartExecution) -> str | Ending | None:
        """The ARN of the attempt's execution; how it ended if it cannot be started; None if SageMaker is too busy just now."""
        parameters = {"RunId": wanted.run_id, "Fence": str(wanted.fence)}
        if wanted.input_uri is not None:
            parameters["InputUri"] = wanted.input_uri
        try:
            started = self.sagemaker.start_pipeline_execution(
                PipelineName=self.settings.pipeline_name,
                PipelineExecutionDisplayName=f"{wanted.run_id}-{wanted.fence}",
                PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
                ClientRequestToken=wanted.token(self.settings.pipeline_arn),
            )
        except ClientError as error:
            if is_busy(error):
                return None
            failure = Failure(FailureKind.INTERNAL, NOT_STARTED, f"the execution could not be started: {error}")
            return Ending(wanted.run_id, wanted.fence, failure=failure)
        arn: str = started["PipelineExecutionArn"]
        return arn

    def stop(self, execution_arn: str) -> None:
        """Ask for an execution to be stopped; nothing, if it has ended."""
        stop(self.sagemaker, execution_arn)

    def _machine(self, steps: Sequence[Json], step: str) -> Machine | None:
        """On what the job of a step ran, as the step that planned it answered."""
        planner, type_name, bytes_name = _PLANNED_BY.get(step, ("", "", ""))
        answer = answer_of(steps, planner)
        return machine_of(self.settings.ladder, answer.get(type_name, ""), int(answer.get(bytes_name, 0)))
