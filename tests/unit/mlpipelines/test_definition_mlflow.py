from __future__ import annotations

import json
from typing import Any

from mlpipelines import MlflowConfig, Pipeline
from mlpipelines.mlflow import with_mlflow
from tests.local.workbench import shell_step

ARN = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-X"
CONFIG = MlflowConfig(resource_arn=ARN, experiment_name="pricing")
STATIC = {"MLFLOW_TRACKING_URI": ARN, "MLFLOW_EXPERIMENT_NAME": "pricing"}


def step(kind: str, name: str = "Fit", **request: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": request}


def environment(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["Steps"][0]["Arguments"]["Environment"]
    return found


def test_without_it_a_definition_says_nothing_of_mlflow() -> None:
    assert "lflow" not in Pipeline(name="p", steps=[shell_step("Fit", "true")]).render().replace("mlflow-", "")


def test_a_pipeline_carries_its_config_and_its_jobs_the_variables_that_mlflow_reads() -> None:
    definition = Pipeline(name="p", steps=[shell_step("Fit", "true")], mlflow=CONFIG).definition()

    assert definition["MlflowConfig"] == {"MlflowResourceArn": ARN, "MlflowExperimentName": "pricing"}
    variables = environment(definition)
    assert {name: variables[name] for name in STATIC} == STATIC
    parts = variables["MLFLOW_RUN_CONTEXT"]["Std:Join"]["Values"]
    assert parts[1] == {"Get": "Execution.PipelineExecutionId"}
    text = "".join([parts[0], "abcdefghijkl", parts[2]])
    assert json.loads(text) == {"mlplatform.execution": "abcdefghijkl", "mlplatform.step": "Fit"}
    assert len(text) <= 256


def test_it_is_a_valid_pipeline() -> None:
    Pipeline(name="p", steps=[shell_step("Fit", "true")], mlflow=CONFIG).validate()


def test_what_a_definition_or_a_job_says_itself_stays() -> None:
    own = {"MlflowResourceArn": f"{ARN}2", "MlflowExperimentName": {"Get": "Parameters.Experiment"}}
    given = {"MlflowConfig": own, "Steps": [step("Training", Environment={"MLFLOW_TRACKING_URI": "http://own"})]}

    definition = with_mlflow(given, CONFIG)

    assert definition["MlflowConfig"] == own
    assert environment(definition)["MLFLOW_TRACKING_URI"] == "http://own"
    assert environment(definition)["MLFLOW_EXPERIMENT_NAME"] == {"Get": "Parameters.Experiment"}


def test_a_cached_step_and_the_jobs_of_a_tuning_step_have_no_tags() -> None:
    cached = {**step("Training"), "CacheConfig": {"Enabled": True, "ExpireAfter": "P7D"}}
    assert environment(with_mlflow({"Steps": [cached]}, CONFIG)) == STATIC

    tuning = step("Tuning", TrainingJobDefinitions=[{}, {}], TrainingJobDefinition={"Environment": {"A": "b"}})
    arguments = with_mlflow({"Steps": [tuning]}, CONFIG)["Steps"][0]["Arguments"]
    assert [job["Environment"] for job in arguments["TrainingJobDefinitions"]] == [STATIC, STATIC]
    assert arguments["TrainingJobDefinition"]["Environment"] == {**STATIC, "A": "b"}


def test_steps_that_run_no_script_are_left_alone() -> None:
    for kind in ("Transform", "Model", "Lambda", "Condition", "QualityCheck", "ClarifyCheck"):
        assert with_mlflow({"Steps": [step(kind)]}, CONFIG)["Steps"] == [step(kind)]
