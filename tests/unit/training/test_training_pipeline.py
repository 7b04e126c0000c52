from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk import App

from mlpipelines import PipelineDefinitionError
from mlplatform import (
    InvalidPropsError,
    Metric,
    MlProject,
    Schedule,
    SourceDirectory,
    TrainingPipeline,
    TrainingResources,
    TrainingScripts,
)
from tests.unit.pipeline.synthesis import Json, Synthesized, new_project, synthesize_project

SCRIPTS = ("validate.py", "features.py", "train.py", "evaluate.py", "fit.py")
NAME = "demo-training"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceDirectory:
    directory = tmp_path_factory.mktemp("jobs")
    for script in SCRIPTS:
        (directory / script).write_text("print('hello')\n")
    return SourceDirectory(directory)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    def define(project: MlProject) -> None:
        TrainingPipeline(
            project,
            "Training",
            source=source,
            input_prefix="raw/",
            hyperparameters={"depth": 3, "rate": 0.1, "loss": "poisson", "warm": True},
            register_when=Metric("accuracy", group="binary_classification_metrics").at_least(0.9),
            schedule=Schedule.cron("0 3 1 * ? *"),
            training=TrainingResources(instance_type="ml.g4dn.xlarge", max_runtime_minutes=120),
        )

    return synthesize_project(tmp_path_factory.mktemp("out"), define)


@pytest.fixture(scope="module")
def steps(synthesized: Synthesized) -> dict[str, Json]:
    return synthesized.steps(NAME)


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))


def test_the_steps_are_those_of_the_contract(steps: dict[str, Json]) -> None:
    assert list(steps) == [
        "ValidateData",
        "BuildFeatures",
        "Train",
        "FindProductionModel",
        "Evaluate",
        "CompareModels",
        "CheckMetric",
        "RegisterModel",
        "MetricTooLow",
    ]


def test_every_hyperparameter_is_a_parameter_of_the_pipeline(synthesized: Synthesized) -> None:
    parameters = {found["Name"]: found["DefaultValue"] for found in synthesized.definition(NAME)["Parameters"]}
    assert parameters.pop("InputUri").endswith("/raw/")
    assert parameters == {"depth": "3", "rate": "0.1", "loss": "poisson", "warm": "true"}


def test_training_runs_in_script_mode_with_the_executions_hyperparameters(steps: dict[str, Json]) -> None:
    hyperparameters = steps["Train"]["Arguments"]["HyperParameters"]
    assert hyperparameters["sagemaker_program"] == '"train.py"'
    assert hyperparameters["sagemaker_submit_directory"].startswith(
        '"s3://cdk-hnb659fds-assets-123456789012-us-east-1/'
    )
    assert hyperparameters["depth"] == {"Get": "Parameters.depth"}


def test_metrics_are_read_out_of_the_log(steps: dict[str, Json]) -> None:
    metrics = steps["Train"]["Arguments"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert metrics[0] == {"Name": "validation:rmse", "Regex": "validation:rmse=([-+0-9.eE]+)"}


def test_jobs_get_the_machines_they_were_given(steps: dict[str, Json]) -> None:
    train = steps["Train"]["Arguments"]
    assert train["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
    assert "VolumeKmsKeyId" not in train["ResourceConfig"]
    assert train["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    cluster = steps["Evaluate"]["Arguments"]["ProcessingResources"]["ClusterConfig"]
    assert cluster["InstanceType"] == "ml.m5.large"
    assert cluster["VolumeKmsKeyId"].startswith("<ProjectKey")


def test_every_job_carries_the_projects_tags_and_is_retried_on_transient_faults_only(steps: dict[str, Json]) -> None:
    for name in ("ValidateData", "BuildFeatures", "Train", "Evaluate"):
        assert {"Key": "project", "Value": "demo"} in steps[name]["Arguments"]["Tags"]
        retried = {kind for policy in steps[name]["RetryPolicies"] for kind in policy["ExceptionType"]}
        assert "SageMaker.CAPACITY_ERROR" in retried
        assert "SageMaker.JOB_TIMEOUT" not in retried


def test_features_are_built_only_from_valid_data(steps: dict[str, Json]) -> None:
    assert steps["BuildFeatures"]["DependsOn"] == ["ValidateData"]


def test_the_model_is_registered_when_the_rule_holds_and_refused_with_its_value_otherwise(
    steps: dict[str, Json],
) -> None:
    check = steps["CheckMetric"]["Arguments"]
    (condition,) = check["Conditions"]
    assert condition["Type"] == "GreaterThanOrEqualTo"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "binary_classification_metrics.accuracy.value"
    assert condition["RightValue"] == 0.9
    message = steps["MetricTooLow"]["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
    assert message[0] == "the model was not registered: accuracy must be at least 0.9 and is "
    assert message[1] == condition["LeftValue"]


def test_a_registered_version_knows_its_metrics_its_code_and_how_it_compares(steps: dict[str, Json]) -> None:
    register = steps["RegisterModel"]["Arguments"]
    assert register["ModelApprovalStatus"] == {"Get": "Steps.CompareModels.OutputParameters['approval_status']"}
    assert register["CustomerMetadataProperties"]["comparison"] == {
        "Get": "Steps.CompareModels.OutputParameters['summary']"
    }
    assert register["ModelPackageGroupName"] == "demo"
    statistics = register["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]["Std:Join"]
    assert statistics["Values"][-1] == "evaluation.json"
    (container,) = register["InferenceSpecification"]["Containers"]
    assert container["Image"] == IMAGE
    assert container["Environment"] == {
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_REGION": "us-east-1",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }


def test_it_is_trained_again_on_its_schedule(synthesized: Synthesized) -> None:
    schedule = synthesized.only("AWS::Scheduler::Schedule")
    assert (schedule["Name"], schedule["ScheduleExpression"]) == (NAME, "cron(0 3 1 * ? *)")


def test_jobs_may_read_source_archives_and_nothing_else_of_the_asset_bucket(synthesized: Synthesized) -> None:
    (role,) = (
        role
        for name, role in synthesized.resources("AWS::IAM::Role").items()
        if name.startswith("ProjectTrainingJobRole")
    )
    statements = {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}
    assert statements["ReadSourceArchives"]["Action"] == ["s3:GetObject"]
    (archives,) = statements["ReadSourceArchives"]["Resource"]
    assert archives["Fn::Join"][1][-1].endswith(":s3:::cdk-hnb659fds-assets-123456789012-us-east-1/*.gz")
    assert statements["FindSourceArchives"]["Condition"] == {"StringLike": {"s3:prefix": "*.gz"}}
    assert statements["PullImages"]["Resource"][0]["Fn::Join"][1][-1].endswith(":repository/sagemaker-scikit-learn")


def test_all_wrong_props_are_told_at_once(project: MlProject, source: SourceDirectory) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        TrainingPipeline(
            project,
            "Wrong",
            source=source,
            input_prefix="raw/",
            scripts=TrainingScripts(train="tain.py"),
            hyperparameters={"sagemaker_program": "x", "learning rate": 1, "InputUri": "y"},
        )
    problems = caught.value.problems
    assert len(problems) == 4
    assert problems[0].startswith("script 'tain.py' is not in")
    assert "TrainingPipeline 'Wrong'" in str(caught.value)


def test_an_instance_type_that_sagemaker_does_not_have_is_refused(project: MlProject, source: SourceDirectory) -> None:
    with pytest.raises(PipelineDefinitionError, match=r"ml\.m5\.huge"):
        TrainingPipeline(
            project, "Huge", source=source, input_prefix="raw/", training=TrainingResources(instance_type="ml.m5.huge")
        )


def test_without_a_rule_the_model_must_beat_the_baseline(tmp_path: Path, source: SourceDirectory) -> None:
    synthesized = synthesize_project(
        tmp_path, lambda project: TrainingPipeline(project, "Training", source=source, input_prefix="raw/")
    )
    (condition,) = synthesized.steps(NAME)["CheckMetric"]["Arguments"]["Conditions"]
    assert condition["Type"] == "LessThan"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "regression_metrics.relative_rmse.value"
    assert condition["RightValue"] == 1.0
