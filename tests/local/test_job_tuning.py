"""Hyperparameter tuning jobs, seen through boto3."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.job_requests import archive_of, training_request
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
_EPOCHS = """
import argparse, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--kind")
given, _ = parser.parse_known_args()
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(given.kind)
for epoch in range(600 if given.kind != "good" else 3):
    print("loss=" + {"good": "1.0", "bad": "9.0", "worse": "12.0"}[given.kind] + ";")
    time.sleep(0 if given.kind == "good" else 0.1)
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


def _trainings(workbench: Workbench, name: str, sort_by: str = "CreationTime") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workbench.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, SortBy=sort_by, SortOrder="Ascending"
    )["TrainingJobSummaries"]
    return found


def _tune(workbench: Workbench, request: dict[str, Any]) -> dict[str, Any]:
    workbench.sagemaker.create_hyper_parameter_tuning_job(**request)
    return _wait(workbench, request["HyperParameterTuningJobName"])


def _kinds(*values: str) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": "kind", "Values": list(values)}]}


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
    trainings = _trainings(workbench, name, "FinalObjectiveMetricValue")
    losses = [item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for item in trainings]
    assert losses == sorted(losses)
    assert job["BestTrainingJob"]["TrainingJobName"] == trainings[0]["TrainingJobName"]
    assert set(job["BestTrainingJob"]["TunedHyperParameters"]) == {"x", "depth"}
    training = workbench.sagemaker.describe_training_job(TrainingJobName=trainings[0]["TrainingJobName"])
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["HyperParameters"]["fixed"] == "7"
    assert training["HyperParameters"]["x"] == job["BestTrainingJob"]["TunedHyperParameters"]["x"]


def test_a_grid_runs_every_combination_once_and_a_failed_training_job_is_no_failed_tuning(workbench: Workbench) -> None:
    ranges, limits = _kinds("good", "broken", "fine"), {"MaxParallelTrainingJobs": 2}

    job = _tune(
        workbench, _request(workbench, "tune-grid", Strategy="Grid", ParameterRanges=ranges, ResourceLimits=limits)
    )

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["NonRetryableError"]) == (2, 1)
    assert sorted(item["TunedHyperParameters"]["kind"] for item in _trainings(workbench, "tune-grid")) == [
        "broken",
        "fine",
        "good",
    ]
    assert len(_trainings(workbench, "tune-grid", "FinalObjectiveMetricValue")) == 2


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


def test_a_training_job_worse_than_the_earlier_ones_is_stopped_early_and_keeps_its_value(workbench: Workbench) -> None:
    """The second one would train for a minute; only the median of the first one's running average ends it."""
    request = _request(
        workbench,
        "tune-early",
        _EPOCHS,
        Strategy="Grid",
        ParameterRanges=_kinds("good", "bad"),
        ResourceLimits={"MaxParallelTrainingJobs": 1},
        TrainingJobEarlyStoppingType="Auto",
    )

    job = _tune(workbench, request)

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["Stopped"], counters["NonRetryableError"]) == (1, 1, 0)
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 2
    good, bad = _trainings(workbench, "tune-early")
    assert (good["TrainingJobStatus"], bad["TrainingJobStatus"]) == ("Completed", "Stopped")
    assert bad["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 9.0
    assert job["BestTrainingJob"]["TrainingJobName"] == good["TrainingJobName"]
    model = f"tune-early/models/{bad['TrainingJobName']}/output/model.tar.gz"
    assert archive_of(workbench, model) == {"model.txt": "bad"}


def test_hyperband_stops_every_training_job_at_its_last_epoch(workbench: Workbench) -> None:
    request = _request(
        workbench,
        "tune-hyperband",
        _EPOCHS,
        Strategy="Hyperband",
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 2}},
        ParameterRanges=_kinds("bad", "worse"),
        ResourceLimits={"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
    )

    job = _tune(workbench, request)

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    assert job["BestTrainingJob"]["ObjectiveStatus"] == "Succeeded"


def test_a_warm_start_goes_on_from_what_its_parents_found(workbench: Workbench) -> None:
    parent = _tune(workbench, _request(workbench, "tune-parent"))
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    parents = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "tune-parent"}]}
    identical, transferred = (
        {**_request(workbench, name, ResourceLimits=limits), "WarmStartConfig": {**parents, "WarmStartType": kind}}
        for name, kind in (("tune-identical", "IdenticalDataAndAlgorithm"), ("tune-transfer", "TransferLearning"))
    )

    again, moved = _tune(workbench, identical), _tune(workbench, transferred)

    best = min(
        (parent["BestTrainingJob"], again["BestTrainingJob"]),
        key=lambda item: item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
    )
    assert again["OverallBestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    assert again["WarmStartConfig"] == identical["WarmStartConfig"]
    (tried,) = _trainings(workbench, "tune-transfer")
    assert tried["TunedHyperParameters"] == parent["BestTrainingJob"]["TunedHyperParameters"]
    assert "OverallBestTrainingJob" not in moved


def test_a_parent_that_does_not_fit_is_refused_when_the_job_is_created(workbench: Workbench) -> None:
    _tune(workbench, _request(workbench, "tune-other"))
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "tune-other"}],
        "WarmStartType": "TransferLearning",
    }
    request = {**_request(workbench, "tune-child", ParameterRanges=_kinds("good", "fine")), "WarmStartConfig": warm}

    with pytest.raises(
        ClientError, match="'tune-other' has 5 static and tunable hyperparameters in all, and the new job 4"
    ):
        workbench.sagemaker.create_hyper_parameter_tuning_job(**request)


def test_several_definitions_are_searched_in_turn_each_in_its_own_ranges(workbench: Workbench) -> None:
    request = _request(workbench, "tune-several")
    single, configuration = request.pop("TrainingJobDefinition"), request["HyperParameterTuningJobConfig"]
    objective = configuration.pop("HyperParameterTuningJobObjective")
    configuration.pop("ParameterRanges")
    ranges = {
        "shallow": _kinds("good"),
        "deep": {"IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "3"}]},
    }
    request["TrainingJobDefinitions"] = [
        {**single, "DefinitionName": name, "TuningObjective": objective, "HyperParameterRanges": given}
        for name, given in ranges.items()
    ]

    job = _tune(workbench, request)

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["BestTrainingJob"]["TrainingJobDefinitionName"] == "shallow"
    names = [item["TrainingJobDefinitionName"] for item in _trainings(workbench, "tune-several")]
    assert sorted(names) == ["deep", "deep", "shallow", "shallow"]


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"Strategy": "Hyperband"}, "HyperbandStrategyConfig.MaxResource is missing"),
        ({"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"}, "TrainingJobEarlyStoppingType must be Off"),
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
