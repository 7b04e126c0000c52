"""Steps that create a job and wait for it: processing, training, transform and tuning."""

from __future__ import annotations

from dataclasses import dataclass

from mllocal.execution.retries import JOB_INTERNAL_ERROR, type_of_job_failure
from mllocal.execution.step_run import Result, StepFailedError, StepRun, StepStoppedError
from mllocal.sagemaker.service import random_id
from mllocal.sagemaker.store import Document

_LONGEST_NAME_OF_TUNING = 7


@dataclass(frozen=True)
class JobStep:
    """A step that runs a job of one kind. `member` is where the step's metadata has the job's ARN."""

    kind: str
    member: str

    def __call__(self, step_run: StepRun) -> Result:
        """Run the job to its end. Raises `StepFailedError` with the job's reason."""
        service = step_run.service
        request = {f"{self.kind}Name": self.job_name(step_run), **step_run.arguments()}
        request["Tags"] = [*request.get("Tags", []), *_pipeline_tags(step_run)]
        arn = service.invoke(f"Create{self.kind}", step_run.scope, request)[f"{self.kind}Arn"]
        metadata = {self.member: {"Arn": arn}}
        step_run.announce(metadata)
        # A stop that came before the announcement did not see this job.
        if step_run.stopping.is_set():
            service.runner.stop(arn)
        service.runner.wait(arn)
        job = service.store.get(arn) or {}
        self._check(job)
        return Result(metadata, job)

    def job_name(self, step_run: StepRun) -> str:
        """A name for a job of this step."""
        return step_run.resource_name()

    def exception_type(self, reason: str) -> str | None:
        """What retry policies call a failure of this kind of job."""
        return type_of_job_failure(reason)

    def _check(self, job: Document) -> None:
        status = job[f"{self.kind}Status"]
        if status == "Stopped":
            raise StepStoppedError(f"ClientError: {self.kind} was stopped")
        if status != "Completed":
            reason = job.get("FailureReason", f"{self.kind} ended as {status}")
            raise StepFailedError(reason if ":" in reason else f"ClientError: {reason}", self.exception_type(reason))


class TuningStep(JobStep):
    """A tuning job. Its names are shorter, and internal errors are retried inside only."""

    def job_name(self, step_run: StepRun) -> str:
        """At most 32 characters, which is what a tuning job's name takes."""
        short = step_run.name[:_LONGEST_NAME_OF_TUNING].strip("-_").replace("_", "-")
        return f"{step_run.execution['PipelineExecutionId']}-{short}-{random_id(10)}"

    def exception_type(self, reason: str) -> str | None:
        """Internal errors are not retried (developer guide, "Retry Policy for Pipeline Steps")."""
        found = type_of_job_failure(reason)
        return None if found == JOB_INTERNAL_ERROR else found


def _pipeline_tags(step_run: StepRun) -> list[dict[str, str]]:
    return [
        {"Key": "sagemaker:pipeline-execution-arn", "Value": step_run.execution["PipelineExecutionArn"]},
        {"Key": "sagemaker:pipeline-step-name", "Value": step_run.name},
    ]
