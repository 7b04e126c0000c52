"""Operations on hyperparameter tuning jobs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from mllocal.errors import validation
from mllocal.jobs import tuning
from mllocal.jobs.refusals import refusals
from mllocal.jobs.warm_start import parent_problems
from mllocal.operations import listing
from mllocal.operations.jobs import find_job, stop_job
from mllocal.sagemaker.kinds import HYPER_PARAMETER_TUNING_JOB as KIND
from mllocal.sagemaker.kinds import TRAINING_JOB
from mllocal.sagemaker.service import Request, Service, operation
from mllocal.sagemaker.store import Document, Scope

_FINAL_METRIC = "FinalHyperParameterTuningJobObjectiveMetric"
_NO_COUNTS = {
    "TrainingJobStatusCounters": dict.fromkeys(
        ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0
    ),
    "ObjectiveStatusCounters": dict.fromkeys(("Succeeded", "Pending", "Failed"), 0),
    "TrainingJobSummaries": [],
}


@dataclass(frozen=True)
class _Trainings:
    """The engine's training jobs, in one scope."""

    service: Service
    scope: Scope

    def create(self, request: Document) -> str:
        """Create a training job; its ARN."""
        arn: str = self.service.invoke("CreateTrainingJob", self.scope, request)["TrainingJobArn"]
        return arn

    def metric_values(self, arn: str) -> dict[str, list[float]]:
        """Its metrics as they come."""
        return self.service.runner.metric_values(arn)

    def wait(self, arn: str) -> None:
        """Return when it has ended."""
        self.service.runner.wait(arn)

    def stop(self, arn: str) -> None:
        """Stop it."""
        self.service.runner.stop(arn)


@operation("CreateHyperParameterTuningJob")
def create(service: Service, scope: Scope, request: Request) -> Document:
    problems = refusals(KIND.name, request)
    if problems:
        raise validation("; ".join(problems))
    parents = _parents(service, scope, request)
    document = {"Tags": [], **request, **_NO_COUNTS, str(KIND.status_field): "InProgress"}
    job = service.create(KIND, scope, request[KIND.name_field], document)
    trainings = _Trainings(service, scope)
    service.runner.start(KIND, job, partial(tuning.run, trainings=trainings, parents=parents))
    return job


def _parents(service: Service, scope: Scope, request: Request) -> list[Document]:
    """The tuning jobs to start from. Raises with every problem they have."""
    given = request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    parents = [find_job(KIND, service, scope, parent) for parent in given]
    problems = list(parent_problems(request, parents)) if parents else []
    if problems:
        raise validation("; ".join(problems))
    return parents


@operation("DescribeHyperParameterTuningJob")
def describe(service: Service, scope: Scope, request: Request) -> Document:
    return find_job(KIND, service, scope, request)


@operation("StopHyperParameterTuningJob")
def stop(service: Service, scope: Scope, request: Request) -> Document:
    return stop_job(KIND, service, scope, request)


@operation("ListHyperParameterTuningJobs")
def list_tuning_jobs(service: Service, scope: Scope, request: Request) -> Document:
    found = [
        {**document, **document["HyperParameterTuningJobConfig"]} for document in service.store.find(KIND.name, scope)
    ]
    return listing.page(KIND, found, request, "HyperParameterTuningJobSummaries", order="Descending")


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs(service: Service, scope: Scope, request: Request) -> Document:
    summaries = find_job(KIND, service, scope, request)["TrainingJobSummaries"]
    if request.get("SortBy") != "FinalObjectiveMetricValue":
        return listing.page(TRAINING_JOB, summaries, request, "TrainingJobSummaries")
    # Those without a value are not listed. Paged as by time, with the metric in the time's place.
    keyed = [
        {**item, "CreationTime": item[_FINAL_METRIC]["Value"], "Created": item["CreationTime"]}
        for item in summaries
        if _FINAL_METRIC in item
    ]
    answer = listing.page(TRAINING_JOB, keyed, request, "TrainingJobSummaries")
    page = [{**item, "CreationTime": item["Created"]} for item in answer["TrainingJobSummaries"]]
    return {**answer, "TrainingJobSummaries": page}
