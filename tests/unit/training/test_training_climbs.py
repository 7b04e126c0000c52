"""A training pipeline with a ladder, as it is synthesized."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App

from mlpipelines import ContinuousRange
from mlplatform import InstanceLadder, InvalidPropsError, SourceDirectory, TrainingPipeline, TrainingResources, Tuning
from mlplatform.training.runtime.training_runs.settings import Settings
from mlrecords.codec import from_json
from tests.unit.pipeline.synthesis import Json, Synthesized, flat, new_project, synthesize_project

NAME = "demo-training"
LADDER = InstanceLadder.of("ml.t3.medium", "ml.m5.large")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceDirectory:
    directory = tmp_path_factory.mktemp("jobs")
    for script in ("validate.py", "features.py", "train.py", "evaluate.py"):
        (directory / script).write_text("print('hello')\n")
    return SourceDirectory(directory)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    training = TrainingResources(ladder=LADDER, max_attempts=2, instance_count=2)
    return synthesize_project(
        tmp_path_factory.mktemp("out"),
        lambda project: TrainingPipeline(
            project, "Training", source=source, input_prefix="raw/", hyperparameters={"depth": 3}, training=training
        ),
    )


@pytest.fixture(scope="module")
def steps(synthesized: Synthesized) -> dict[str, Json]:
    return synthesized.steps(NAME)


def function(synthesized: Synthesized, step: str) -> tuple[str, Json]:
    """Logical id and properties."""
    ((logical_id, properties),) = (
        (found, properties)
        for found, properties in synthesized.resources("AWS::Lambda::Function").items()
        if properties["FunctionName"] == f"{NAME}-{step}"
    )
    return logical_id, properties


def test_the_job_runs_where_plan_training_says_once_the_features_are_there(steps: dict[str, Json]) -> None:
    assert list(steps)[1:4] == ["BuildFeatures", "PlanTraining", "Train"]
    resources = steps["Train"]["Arguments"]["ResourceConfig"]
    assert resources["InstanceType"] == {"Get": "Steps.PlanTraining.OutputParameters['instance_type']"}
    assert resources["InstanceCount"] == 2
    plan = steps["PlanTraining"]["Arguments"]
    assert "Steps.BuildFeatures" in json.dumps(plan["train_uri"])
    assert plan["execution_arn"] == {"Get": "Execution.PipelineExecutionArn"}
    assert plan["attempt"] == {"Get": "Parameters.Attempt"}


def test_capacity_is_not_waited_for_on_the_same_machine(steps: dict[str, Json]) -> None:
    kinds = {kind for policy in steps["Train"]["RetryPolicies"] for kind in policy["ExceptionType"]}
    assert "SageMaker.JOB_INTERNAL_ERROR" in kinds
    assert kinds.isdisjoint({"SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"})


def test_an_execution_is_its_first_attempt_unless_it_is_told_otherwise(synthesized: Synthesized) -> None:
    parameters = {found["Name"]: found["DefaultValue"] for found in synthesized.definition(NAME)["Parameters"]}
    assert parameters["Attempt"] == 1


@pytest.mark.parametrize("name", ["plan-training", "watch-training"])
def test_both_functions_read_the_ladder_and_the_bound(synthesized: Synthesized, name: str) -> None:
    _, properties = function(synthesized, name)

    settings = from_json(Settings, json.loads(flat(properties["Environment"]["Variables"]["TRAINING"])), "TRAINING")

    assert [rung.instance_type for rung in settings.ladder.rungs] == ["ml.t3.medium", "ml.m5.large"]
    assert settings.max_attempts == 2
    assert settings.state_uri.endswith(f"/run-state/{NAME}.json")


def test_the_watch_hears_of_every_end_of_this_pipeline_and_of_no_other(synthesized: Synthesized) -> None:
    logical_id, _ = function(synthesized, "watch-training")
    (pattern,) = (
        rule["EventPattern"]["detail"]
        for rule in synthesized.resources("AWS::Events::Rule").values()
        if rule["Targets"][0]["Arn"] == {"Fn::GetAtt": [logical_id, "Arn"]}
    )
    assert [flat(arn).rpartition(":")[2] for arn in pattern["pipelineArn"]] == [f"pipeline/{NAME}"]
    assert {"Failed", "Succeeded", "Stopped"} <= set(pattern["currentPipelineExecutionStatus"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"ladder": LADDER, "fallback_instance_types": ("ml.m5.xlarge",)}, "put the types on the ladder"),
        ({"max_attempts": 2}, "max_attempts is 2 without a ladder"),
        ({"ladder": LADDER, "max_attempts": 0}, "max_attempts is 0; use 1 to 10"),
        ({"ready_within_minutes": 60}, "ready_within_minutes is 60 without spot"),
        ({"ready_within_minutes": 0, "spot": True}, "ready_within_minutes is 0; use 1 or more"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidPropsError, match=problem):
        TrainingResources(**options)


def test_what_the_pipeline_has_and_a_ladder_does_not_take_is_told_at_once(source: SourceDirectory) -> None:
    tuning = Tuning(objective="validation:rmse", ranges=[ContinuousRange(name="rate", minimum=0, maximum=1)])
    with pytest.raises(InvalidPropsError) as raised:
        TrainingPipeline(
            new_project(App(analytics_reporting=False)),
            "Training",
            source=source,
            input_prefix="raw/",
            hyperparameters={"Attempt": 1, "ReadyBy": "x"},
            tuning=tuning,
            training=TrainingResources(ladder=InstanceLadder.of("ml.r5.large"), spot=True, ready_within_minutes=60),
        )
    first, second, third, fourth = raised.value.problems
    assert first.startswith("the ladder has ml.r5.large, which the project may not use")
    assert second.startswith("a ladder is for one training job")
    assert third.startswith("hyperparameter 'Attempt'")
    assert fourth.startswith("hyperparameter 'ReadyBy'")


def test_a_ladder_may_have_more_types_than_sagemaker_takes_preferences() -> None:
    types = ("ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.r5.large", "ml.r5.xlarge", "ml.r5.2xlarge")
    assert TrainingResources(ladder=InstanceLadder.of(*types)).instance_types == types


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    training = TrainingResources(spot=True, max_runtime_minutes=30, ready_within_minutes=180)
    return synthesize_project(
        tmp_path_factory.mktemp("out"),
        lambda project: TrainingPipeline(project, "Training", source=source, input_prefix="raw/", training=training),
    )


def test_the_pipeline_on_demand_is_the_same_but_for_its_training_job(moving: Synthesized) -> None:
    spot, on_demand = moving.definition(NAME), moving.definition(f"{NAME}-on-demand")
    (on_spot,), (train,) = ([it for it in one["Steps"] if it["Name"] == "Train"] for one in (spot, on_demand))

    assert [it for it in spot["Steps"] if it != on_spot] == [it for it in on_demand["Steps"] if it != train]
    assert on_demand["Parameters"] == [*spot["Parameters"], {"Name": "CheckpointsOf", "Type": "String"}]
    assert on_spot["Arguments"].pop("EnableManagedSpotTraining") is True
    assert on_spot["Arguments"].pop("StoppingCondition") == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert train["Arguments"].pop("StoppingCondition") == {"MaxRuntimeInSeconds": 1800}
    written, read = (it["Arguments"].pop("CheckpointConfig")["S3Uri"]["Std:Join"]["Values"] for it in (on_spot, train))
    assert (written[0], written[2]) == (read[0], read[2])
    assert (written[1], read[1]) == ({"Get": "Execution.PipelineExecutionId"}, {"Get": "Parameters.CheckpointsOf"})
    assert on_spot == train


def test_without_a_ladder_the_one_type_is_planned_and_capacity_is_waited_for(moving: Synthesized) -> None:
    _, properties = function(moving, "watch-training")
    settings = from_json(Settings, json.loads(flat(properties["Environment"]["Variables"]["TRAINING"])), "TRAINING")
    kinds = {kind for policy in moving.steps(NAME)["Train"]["RetryPolicies"] for kind in policy["ExceptionType"]}

    assert [rung.instance_type for rung in settings.ladder.rungs] == ["ml.m5.large"]
    assert settings.on_demand is not None
    assert (settings.on_demand.ready_within_minutes, settings.on_demand.max_runtime_seconds) == (180, 1800)
    assert "SageMaker.CAPACITY_ERROR" in kinds


def test_nothing_looks_while_nothing_runs(moving: Synthesized) -> None:
    assert moving.resources("AWS::Scheduler::Schedule") == {}
