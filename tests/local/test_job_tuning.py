"""Hyperparameter tuning jobs, seen through boto3."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.job_requests import training_request
from tests.local.workbench import Workbench

_SCORE = """
import argparse, sys
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, default=0)
parser.add_argument("--depth", type=int, default=1)
parser.add_argument("--kind", default="good")
parser.add_argument("--fixed")
given, _ = parser.parse_known_args()
if given.kind == "broken":
    sys.exit("kind is broken")
print(f"loss={(given.x - 0.3) ** 2 + given.depth};")
"""
_RANGES = {
    "ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}],
    "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "3"}],
}


def _request(workbench: Workbench, name: str, script: str = _SCORE, **configuration: Any) -> dict[str, Any]:
    training = training_request(workbench, name, script)
    training.pop("TrainingJobName")
    static = {**training.pop("HyperParameters"), "fixed": "7"}
    training["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.e-]+);"}]
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": _RANGES,
            "RandomSeed": 7,
            **configuration,
        },
        "TrainingJobDefinition": {**training, "StaticHyperParameters": static},
    }


def _wait(workbench: Workbench, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        job: dict[str, Any] = workbench.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return job
        time.sleep(0.1)
    raise TimeoutError(f"{name} did not end")


def _trainings(workbench: Workbench, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workbench.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending"
    )["TrainingJobSummaries"]
    return found


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_tuning_runs_its_training_jobs_and_names_the_best(workbench: Workbench, strategy: str) -> None:
    name = f"tune-{strategy.lower()}"
    limits = {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2}
    workbench.sagemaker.create_hyper_parameter_tuning_job(
        **_request(workbench, name, Strategy=strategy, ResourceLimits=limits)
    )

    job = _wait(workbench, name)

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 6
    trainings = _trainings(workbench, name)
    losses = [item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for item in trainings]
    assert losses == sorted(losses)
    assert job["BestTrainingJob"]["TrainingJobName"] == trainings[0]["TrainingJobName"]
    assert set(job["BestTrainingJob"]["TunedHyperParameters"]) == {"x", "depth"}
    training = workbench.sagemaker.describe_training_job(TrainingJobName=trainings[0]["TrainingJobName"])
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["HyperParameters"]["fixed"] == "7"
    assert training["HyperParameters"]["x"] == job["BestTrainingJob"]["TunedHyperParameters"]["x"]


def test_a_grid_runs_every_combination_once_and_a_failed_training_job_is_no_failed_tuning(workbench: Workbench) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "kind", "Values": ["good", "broken", "fine"]}]}
    limits = {"MaxParallelTrainingJobs": 2}
    workbench.sagemaker.create_hyper_parameter_tuning_job(
        **_request(workbench, "tune-grid", Strategy="Grid", ParameterRanges=ranges, ResourceLimits=limits)
    )

    job = _wait(workbench, "tune-grid")

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["NonRetryableError"]) == (2, 1)
    assert sorted(item["TunedHyperParameters"]["kind"] for item in _trainings(workbench, "tune-grid")) == [
        "broken",
        "fine",
        "good",
    ]


def test_tuning_fails_when_no_training_job_reports_the_objective(workbench: Workbench) -> None:
    workbench.sagemaker.create_hyper_parameter_tuning_job(**_request(workbench, "tune-none", "print('no metric')"))

    job = _wait(workbench, "tune-none")

    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "reported objective metric 'loss'" in job["FailureReason"]
    assert job["ObjectiveStatusCounters"]["Failed"] == 4


def test_a_target_value_ends_the_search_early(workbench: Workbench) -> None:
    limits = {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 1}
    criteria = {"TargetObjectiveMetricValue": 100.0}
    workbench.sagemaker.create_hyper_parameter_tuning_job(
        **_request(workbench, "tune-target", ResourceLimits=limits, TuningJobCompletionCriteria=criteria)
    )

    assert _wait(workbench, "tune-target")["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_stopped_tuning_job_stops_its_training_jobs(workbench: Workbench) -> None:
    workbench.sagemaker.create_hyper_parameter_tuning_job(
        **_request(workbench, "tune-stop", "import time; time.sleep(60)")
    )
    while not _trainings(workbench, "tune-stop"):
        time.sleep(0.05)
    workbench.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune-stop")

    job = _wait(workbench, "tune-stop")

    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert {item["TrainingJobStatus"] for item in _trainings(workbench, "tune-stop")} == {"Stopped"}
    listed = workbench.sagemaker.list_hyper_parameter_tuning_jobs(NameContains="tune-stop")
    assert listed["HyperParameterTuningJobSummaries"][0]["HyperParameterTuningJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"Strategy": "Hyperband"}, "HyperParameterTuningJobConfig.Strategy Hyperband is not one"),
        ({"TrainingJobEarlyStoppingType": "Auto"}, "TrainingJobEarlyStoppingType Auto"),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "auc"}},
            "HyperParameterTuningJobObjective.MetricName 'auc'",
        ),
        (
            {"ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "2", "MaxValue": "1"}]}},
            "MaxValue must be larger",
        ),
        ({"Strategy": "Grid"}, "CategoricalParameterRanges only"),
    ],
)
def test_what_cannot_be_tuned_is_refused_when_the_job_is_created(
    workbench: Workbench, configuration: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        workbench.sagemaker.create_hyper_parameter_tuning_job(**_request(workbench, "tune-refused", **configuration))
