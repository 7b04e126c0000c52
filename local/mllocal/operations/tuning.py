"""Operations on hyperparameter tuning jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mllocal.errors import validation
from mllocal.jobs import tuning
from mllocal.jobs.ranges import CategoricalRange, RangeError, ranges_of
from mllocal.jobs.refusals import refusals
from mllocal.jobs.search import GridSearch
from mllocal.jobs.tuning_resources import resource_refusals, with_resource_config
from mllocal.operations import listing
from mllocal.operations.jobs import find_job, stop_job
from mllocal.sagemaker.kinds import HYPER_PARAMETER_TUNING_JOB as KIND
from mllocal.sagemaker.kinds import TRAINING_JOB
from mllocal.sagemaker.service import Request, Service, operation
from mllocal.sagemaker.store import Document, Scope

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

    def wait(self, arn: str) -> None:
        """Return when it has ended."""
        self.service.runner.wait(arn)

    def stop(self, arn: str) -> None:
        """Stop it."""
        self.service.runner.stop(arn)


@operation("CreateHyperParameterTuningJob")
def create(service: Service, scope: Scope, request: Request) -> Document:
    problems = list(tuning_refusals(request))
    if problems:
        raise validation("; ".join(problems))
    document = {"Tags": [], **request, **_NO_COUNTS, str(KIND.status_field): "InProgress"}
    job = service.create(KIND, scope, request[KIND.name_field], document)
    service.runner.start(KIND, job, partial(tuning.run, trainings=_Trainings(service, scope)))
    return job


def tuning_refusals(request: Document) -> Iterator[str]:
    """Why a tuning job cannot run here; nothing when it can."""
    definition = request.get("TrainingJobDefinition")
    for name in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if request.get(name):
            yield f"{name} is not one the embedded AWS does; leave it out and use a single TrainingJobDefinition"
    if definition is None:
        yield "TrainingJobDefinition is missing"
        return
    configuration = request["HyperParameterTuningJobConfig"]
    yield from _configuration_refusals(configuration, definition)
    yield from _range_refusals(configuration, definition)
    resources = list(resource_refusals(definition, "TrainingJobDefinition"))
    yield from resources
    if not resources:
        job = with_resource_config(definition)
        yield from (f"TrainingJobDefinition: {problem}" for problem in refusals(TRAINING_JOB.name, job))


def _configuration_refusals(configuration: Document, definition: Document) -> Iterator[str]:
    if configuration["Strategy"] == "Hyperband":
        yield "Strategy Hyperband is not one the embedded AWS does; use Bayesian, Random or Grid"
    if configuration.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        yield "TrainingJobEarlyStoppingType Auto is not one the embedded AWS does; use Off"
    convergence = configuration.get("TuningJobCompletionCriteria", {}).get("ConvergenceDetected", {})
    if convergence.get("CompleteOnConvergence") == "Enabled":
        yield "TuningJobCompletionCriteria.ConvergenceDetected is not one the embedded AWS does; leave it out"
    if configuration["Strategy"] != "Grid" and "MaxNumberOfTrainingJobs" not in configuration["ResourceLimits"]:
        yield "ResourceLimits.MaxNumberOfTrainingJobs is missing, which every strategy but Grid needs"
    objective = configuration.get("HyperParameterTuningJobObjective") or definition.get("TuningObjective")
    metrics = [item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions", [])]
    if objective is None:
        yield "HyperParameterTuningJobObjective is missing"
    elif objective["MetricName"] not in metrics:
        yield (
            f"objective metric {objective['MetricName']!r} is not one of AlgorithmSpecification.MetricDefinitions: "
            f"{', '.join(metrics) or 'there are none'}"
        )


def _range_refusals(configuration: Document, definition: Document) -> Iterator[str]:
    given = configuration.get("ParameterRanges") or definition.get("HyperParameterRanges", {})
    if given.get("AutoParameters"):
        yield "ParameterRanges.AutoParameters is not one the embedded AWS does; give ranges"
        return
    try:
        ranges = ranges_of(given)
    except (RangeError, ValueError) as error:
        yield f"ParameterRanges: {error}"
        return
    static = definition.get("StaticHyperParameters", {})
    yield from (f"hyperparameter {item.name!r} is both static and tunable" for item in ranges if item.name in static)
    if configuration["Strategy"] == "Grid":
        yield from _grid_refusals(
            configuration, [item for item in ranges if isinstance(item, CategoricalRange)], ranges
        )


def _grid_refusals(configuration: Document, categorical: list[CategoricalRange], ranges: list[Any]) -> Iterator[str]:
    if len(categorical) != len(ranges):
        yield "Strategy Grid takes CategoricalParameterRanges only"
        return
    count = len(GridSearch(categorical).combinations)
    if configuration["ResourceLimits"].get("MaxNumberOfTrainingJobs", count) != count:
        yield f"ResourceLimits.MaxNumberOfTrainingJobs must be the {count} combinations of the grid, or be left out"


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
    # Paged as by time, with the metric in the time's place.
    keyed = [{**item, "CreationTime": _objective_value(item), "Created": item["CreationTime"]} for item in summaries]
    answer = listing.page(TRAINING_JOB, keyed, request, "TrainingJobSummaries")
    page = [{**item, "CreationTime": item["Created"]} for item in answer["TrainingJobSummaries"]]
    return {**answer, "TrainingJobSummaries": page}


def _objective_value(summary: Document) -> float:
    value: float = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value", float("inf"))
    return value
