"""What a training pipeline can be told besides its defaults: comparison, approval, spot, fallback, tuning, algorithms."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from mlpipelines import CategoricalRange, ContinuousRange, IntegerRange, WarmStart
from mlplatform import (
    AlarmRaised,
    ContainerImage,
    InvalidPropsError,
    Metric,
    NewData,
    SourceDirectory,
    StartOn,
    TrainingPipeline,
    TrainingResources,
    Tuning,
)
from mlplatform.pipeline import archives
from mlplatform.training.comparison import evaluation_entrypoint
from tests.unit.pipeline.synthesis import Json, Synthesized, new_project, synthesize_project

NAME = "demo-training"
Define = Callable[..., dict[str, Json]]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceDirectory:
    directory = tmp_path_factory.mktemp("jobs")
    for script in ("validate.py", "features.py", "train.py", "evaluate.py"):
        (directory / script).write_text("print('hello')\n")
    return SourceDirectory(directory)


def made(directory: Path, source: SourceDirectory, **options: Any) -> Synthesized:
    return synthesize_project(
        directory,
        lambda project: TrainingPipeline(project, "Training", source=source, input_prefix="raw/", **options),
    )


def steps(directory: Path, source: SourceDirectory, **options: Any) -> dict[str, Json]:
    return made(directory, source, **options).steps(NAME)


def test_both_models_are_evaluated_in_one_job_on_the_same_data(tmp_path: Path, source: SourceDirectory) -> None:
    evaluate = steps(tmp_path, source)["Evaluate"]["Arguments"]
    inputs = {one["InputName"]: one["S3Input"]["S3Uri"] for one in evaluate["ProcessingInputs"]}
    assert inputs["new"] == {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    assert inputs["production"] == {"Get": "Steps.FindProductionModel.OutputParameters['model_uri']"}
    assert {"new", "production"} == {one["OutputName"] for one in evaluate["ProcessingOutputConfig"]["Outputs"]}


def evaluation(directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run the entrypoint for real, with /opt/ml in another place, one with a space."""
    ml = directory / "opt ml"
    for folder in ("input/code", "input/new", "input/production", "output/new", "output/production"):
        (ml / "processing" / folder).mkdir(parents=True)
    (ml / "processing/input/code/0123.gz").write_bytes(archives.tar_gz({"evaluate.py": script.encode()}))
    processing = "/opt/ml/processing"
    command = [*evaluation_entrypoint("evaluate.py"), f"{processing}/input", f"{processing}/output", "--test", "t"]
    return subprocess.run(
        [part.replace("/opt/ml", str(ml)) for part in command], capture_output=True, text=True, check=False
    )


def test_the_evaluation_script_is_called_for_the_new_model_and_then_for_the_one_in_production(tmp_path: Path) -> None:
    done = evaluation(tmp_path, "import sys, pathlib\nprint(*(pathlib.Path(word).name for word in sys.argv[1:]))\n")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "--model new --output new --test t",
        "--model production --output production --test t",
    ]


@pytest.mark.parametrize(("fails", "exit_code"), [("new", 1), ("production", 0)])
def test_only_the_new_models_failure_fails_the_job(tmp_path: Path, fails: str, exit_code: int) -> None:
    """A model in production may not know the features of today."""
    done = evaluation(tmp_path, f"import sys\nsys.exit(sys.argv[2].endswith('/{fails}'))\n")
    assert done.returncode == exit_code


def test_the_entrypoint_stays_within_what_sagemaker_takes() -> None:
    assert all(len(part) <= 256 for part in evaluation_entrypoint("evaluate.py"))


def test_a_person_approves_unless_a_rule_is_given(tmp_path: Path, source: SourceDirectory) -> None:
    by_hand = steps(tmp_path / "a", source)["CompareModels"]["Arguments"]
    by_rule = steps(tmp_path / "b", source, approve_when_better_by=0.02)["CompareModels"]["Arguments"]
    assert "approve_when_better_by" not in by_hand
    assert by_rule["approve_when_better_by"] == 0.02


@pytest.mark.parametrize(
    ("rule", "lower"), [(Metric("rmse").below(50), True), (Metric("auc", group="binary").at_least(0.9), False)]
)
def test_the_rule_says_which_way_is_better(tmp_path: Path, source: SourceDirectory, rule: Any, lower: bool) -> None:
    compare = steps(tmp_path, source, register_when=rule)["CompareModels"]["Arguments"]
    assert compare["lower_is_better"] is lower
    assert compare["metric"] == rule.metric.json_path


def test_a_spot_job_waits_keeps_checkpoints_and_is_bounded(tmp_path: Path, source: SourceDirectory) -> None:
    train = steps(tmp_path, source, training=TrainingResources(spot=True, max_runtime_minutes=30))["Train"]["Arguments"]
    assert train["EnableManagedSpotTraining"] is True
    assert train["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert train["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"][-1] == "checkpoints"


def test_a_job_on_demand_falls_back_to_other_types_in_order(tmp_path: Path, source: SourceDirectory) -> None:
    machines = TrainingResources(instance_type="ml.m5.large", fallback_instance_types=("ml.m5.xlarge", "ml.c5.xlarge"))
    config = steps(tmp_path, source, training=machines)["Train"]["Arguments"]["ResourceConfig"]
    assert [one["InstanceType"] for one in config["InstancePreferences"]] == [
        "ml.m5.large",
        "ml.m5.xlarge",
        "ml.c5.xlarge",
    ]
    assert "InstanceType" not in config
    assert config["InstanceCount"] == 1


def test_a_distributed_job_encrypts_its_traffic(tmp_path: Path, source: SourceDirectory) -> None:
    train = steps(tmp_path, source, training=TrainingResources(instance_count=2))["Train"]["Arguments"]
    assert train["ResourceConfig"]["InstanceCount"] == 2
    assert train["EnableInterContainerTrafficEncryption"] is True


def test_one_type_without_a_volume_key_leaves_none_for_all() -> None:
    """One request stands for all types, and SageMaker refuses the key for those with disks of their own."""
    machines = TrainingResources(instance_type="ml.m5.large", fallback_instance_types=("ml.g5.xlarge",))
    assert machines.volume_kms_key_id("key") is None


def test_machines_that_do_not_go_together_are_told_at_once() -> None:
    with pytest.raises(InvalidPropsError) as caught:
        TrainingResources(spot=True, max_wait_minutes=10, fallback_instance_types=("ml.m5.large",))
    assert len(caught.value.problems) == 3
    assert "includes the run of up to 60; use 60 or more" in str(caught.value)


def tuning(**changes: Any) -> Tuning:
    ranges = (
        ContinuousRange(name="rate", minimum=0.01, maximum=0.5, scaling="Logarithmic"),
        IntegerRange(name="depth", minimum=2, maximum=10),
        CategoricalRange(name="loss", values=("poisson", "squared_error")),
    )
    return Tuning(**{"objective": "validation:rmse", "ranges": ranges, **changes})


def test_tuning_searches_the_ranges_and_the_best_model_is_evaluated_and_registered(
    tmp_path: Path, source: SourceDirectory
) -> None:
    parents = WarmStart(parents=("earlier",))
    found = steps(
        tmp_path, source, hyperparameters={"rate": 0.1, "trees": 5}, tuning=tuning(max_jobs=8, warm_start=parents)
    )
    arguments = found["Tune"]["Arguments"]
    config = arguments["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2}
    assert config["TrainingJobEarlyStoppingType"] == "Auto"
    assert config["ParameterRanges"]["ContinuousParameterRanges"][0]["MaxValue"] == "0.5"
    static = arguments["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["trees"] == {"Get": "Parameters.trees"}
    assert "rate" not in static
    assert arguments["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [
        {"HyperParameterTuningJobName": "earlier"}
    ]
    (model,) = (one for one in found["Evaluate"]["Arguments"]["ProcessingInputs"] if one["InputName"] == "new")
    (container,) = found["RegisterModel"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert model["S3Input"]["S3Uri"] == container["ModelDataUrl"]
    assert "Steps.Tune.TrainingJobSummaries[0].TrainingJobName" in str(container["ModelDataUrl"])


def test_the_pipeline_may_run_tuning_jobs(tmp_path: Path, source: SourceDirectory) -> None:
    roles = str(made(tmp_path, source, tuning=tuning()).resources("AWS::IAM::Role"))
    assert "sagemaker:CreateHyperParameterTuningJob" in roles


def test_an_objective_that_the_job_does_not_report_is_refused(source: SourceDirectory) -> None:
    project = new_project(App(analytics_reporting=False))
    with pytest.raises(
        InvalidPropsError, match=r"objective 'validation:auc', which is none of training_metrics; use one of"
    ):
        TrainingPipeline(
            project, "Training", source=source, input_prefix="raw/", tuning=tuning(objective="validation:auc")
        )


def test_all_mistakes_of_a_tuning_are_told_at_once() -> None:
    twice = (IntegerRange(name="depth", minimum=2, maximum=10),) * 2
    with pytest.raises(InvalidPropsError) as caught:
        tuning(ranges=twice, max_jobs=0, max_parallel_jobs=3)
    assert len(caught.value.problems) == 3


def test_a_built_in_algorithm_trains_without_a_script_and_serves_what_it_trained(tmp_path: Path) -> None:
    directory = tmp_path / "jobs"
    directory.mkdir()
    for script in ("validate.py", "features.py", "evaluate.py"):
        (directory / script).write_text("print('hello')\n")
    found = steps(
        tmp_path / "out",
        SourceDirectory(directory),
        algorithm=ContainerImage.built_in("linear-learner"),
        hyperparameters={"predictor_type": "regressor"},
    )
    image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
    train = found["Train"]["Arguments"]
    assert train["AlgorithmSpecification"]["TrainingImage"] == image
    assert train["HyperParameters"] == {"predictor_type": {"Get": "Parameters.predictor_type"}}
    assert "sagemaker-scikit-learn" in found["Evaluate"]["Arguments"]["AppSpecification"]["ImageUri"]
    (container,) = found["RegisterModel"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["Image"] == image
    assert not container.get("Environment")


def test_retraining_on_new_data_and_on_a_drift_alarm_has_one_cool_down(tmp_path: Path, source: SourceDirectory) -> None:
    alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:drift"
    on = StartOn(events=[NewData(prefix="raw/"), AlarmRaised(alarm_arn=alarm)])
    synthesized = made(tmp_path, source, start_on=on)
    functions = synthesized.resources("AWS::Lambda::Function").values()
    (planner,) = (one for one in functions if one["FunctionName"] == "demo-training-plan-start")
    assert planner["Environment"]["Variables"]["COOL_DOWN_MINUTES"] == "1440"
    assert len(synthesized.resources("AWS::Events::Rule")) == 2


def test_a_share_that_is_none_is_refused(source: SourceDirectory) -> None:
    project = new_project(App(analytics_reporting=False))
    with pytest.raises(InvalidPropsError, match=r"approve_when_better_by is 2; use a share from 0 to less than 1"):
        TrainingPipeline(project, "Training", source=source, input_prefix="raw/", approve_when_better_by=2)
