"""The checks of a training pipeline: their steps, what they are compared with, what is registered and what they may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from mlpipelines import ContinuousRange, DatasetFormat
from mlplatform import (
    BiasCheck,
    ContainerImage,
    DataQualityCheck,
    ExplainabilityCheck,
    Facet,
    InvalidPropsError,
    JobResources,
    ModelAnswers,
    SourceDirectory,
    TrainingChecks,
    TrainingPipeline,
    Tuning,
)
from tests.synth.test_cdk_nag import findings
from tests.unit.pipeline.synthesis import Json, Synthesized, new_project, synthesize_project

NAME = "demo-training"
SCRIPTS = ("validate.py", "features.py", "train.py", "evaluate.py")
BIAS = BiasCheck(label_values_or_threshold=(1,), facets=(Facet(name="age", values_or_threshold=(40,)),))
ALL = TrainingChecks(
    label="hired",
    excluded_columns=("id",),
    answers=ModelAnswers(probability_threshold=0.6),
    data_quality=DataQualityCheck(),
    bias=BIAS,
    explainability=ExplainabilityCheck(num_samples=100, seed=7, fail_on_violation=False),
    resources=JobResources(instance_type="ml.m5.xlarge"),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceDirectory:
    directory = tmp_path_factory.mktemp("jobs")
    for script in SCRIPTS:
        (directory / script).write_text("print('hello')\n")
    return SourceDirectory(directory)


def synthesize(directory: Path, source: SourceDirectory, checks: TrainingChecks | None, **props: Any) -> Synthesized:
    def define(project: Any) -> None:
        TrainingPipeline(project, "Training", source=source, input_prefix="raw/", checks=checks, **props)

    return synthesize_project(directory, define)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    return synthesize(tmp_path_factory.mktemp("all"), source, ALL)


@pytest.fixture(scope="module")
def steps(synthesized: Synthesized) -> dict[str, Json]:
    return synthesized.steps(NAME)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    return synthesize(tmp_path_factory.mktemp("none"), source, None)


def statements(synthesized: Synthesized, role: str) -> dict[str, Json]:
    """The statements of the role whose logical id has this part, by sid."""
    (found,) = (made for name, made in synthesized.resources("AWS::IAM::Role").items() if role in name)
    return {one["Sid"]: one for one in found["Policies"][0]["PolicyDocument"]["Statement"]}


def analyses(steps: dict[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = json.loads(steps["PrepareChecks"]["Arguments"]["analysis_configs"])
    return found


def test_data_is_checked_before_training_and_the_model_once_its_metric_is_good_enough(steps: dict[str, Json]) -> None:
    assert list(steps) == [
        *("PrepareChecks", "ValidateData", "CheckDataQuality", "BuildFeatures", "CheckDataBias", "Train"),
        *("FindProductionModel", "Evaluate", "CompareModels", "CheckMetric"),
        *("CreateModel", "CheckModelBias", "CheckExplainability", "RegisterModel", "MetricTooLow"),
    ]
    assert steps["CheckDataQuality"]["DependsOn"] == ["ValidateData"]
    assert steps["BuildFeatures"]["DependsOn"] == ["ValidateData", "CheckDataQuality"]
    assert steps["Train"]["DependsOn"] == ["CheckDataBias"]
    assert [step["Name"] for step in steps["CheckMetric"]["Arguments"]["IfSteps"]] == [
        *("CreateModel", "CheckModelBias", "CheckExplainability", "RegisterModel")
    ]


def test_every_check_is_compared_with_the_newest_approved_version_unless_it_has_no_such_baseline(
    steps: dict[str, Json],
) -> None:
    for name, kind in (
        ("CheckDataQuality", "data_quality"),
        ("CheckDataBias", "data_bias"),
        ("CheckModelBias", "model_bias"),
        ("CheckExplainability", "explainability"),
    ):
        assert steps[name]["ModelPackageGroupName"] == "demo"
        assert steps[name]["SkipCheck"] == {"Get": f"Steps.PrepareChecks.OutputParameters['skip_{kind}']"}
        assert steps[name]["RegisterNewBaseline"] is True
        assert steps[name]["FailOnViolation"] is (name != "CheckExplainability")


def test_an_execution_may_skip_all_checks(synthesized: Synthesized, steps: dict[str, Json]) -> None:
    parameters = {found["Name"]: found for found in synthesized.definition(NAME)["Parameters"]}
    assert parameters["SkipChecks"] == {"Name": "SkipChecks", "Type": "Boolean", "DefaultValue": False}
    assert steps["PrepareChecks"]["Arguments"]["skip_checks"] == {"Get": "Parameters.SkipChecks"}


def test_the_input_is_csv_with_a_header_unless_the_check_says_otherwise(
    steps: dict[str, Json], tmp_path: Path, source: SourceDirectory
) -> None:
    def written(steps: dict[str, Json]) -> Json:
        found: Json = json.loads(steps["CheckDataQuality"]["Arguments"]["Environment"]["dataset_format"])
        return found

    lines = TrainingChecks(data_quality=DataQualityCheck(format=DatasetFormat.json(), fail_on_violation=False))
    other = synthesize(tmp_path, source, lines).steps(NAME)

    (given,) = steps["CheckDataQuality"]["Arguments"]["ProcessingInputs"]
    assert given["S3Input"]["S3Uri"] == {"Get": "Parameters.InputUri"}
    assert written(steps) == {"csv": {"header": True, "output_columns_position": "START"}}
    assert written(other) == {"json": {"lines": True}}
    assert other["CheckDataQuality"]["FailOnViolation"] is False
    assert "CreateModel" not in other


def test_clarify_is_told_what_to_analyze(steps: dict[str, Json]) -> None:
    data = {"dataset_type": "text/csv", "label": "hired"}
    groups = {"label_values_or_threshold": [1], "facet": [{"name_or_index": "age", "value_or_threshold": [40]}]}
    model = {
        "excluded_columns": ["id"],
        "probability_threshold": 0.6,
        "predictor": {
            "instance_type": "ml.m5.xlarge",
            "initial_instance_count": 1,
            "endpoint_name_prefix": "demo-clarify",
            "content_type": "text/csv",
            "accept_type": "text/csv",
        },
    }
    shap = {
        "num_samples": 100,
        "agg_method": "mean_abs",
        "seed": 7,
        "use_logit": False,
        "save_local_shap_values": True,
    }
    assert analyses(steps) == {
        "data_bias": {**data, **groups, "methods": {"pre_training_bias": {"methods": ["CI", "DPL"]}}},
        "model_bias": {**data, **groups, **model, "methods": {"post_training_bias": {"methods": ["DPPL", "AD"]}}},
        "explainability": {**data, **model, "methods": {"shap": shap}},
    }


def test_clarify_reads_the_configuration_that_this_execution_wrote_and_what_the_features_script_left(
    steps: dict[str, Json],
) -> None:
    for name, kind, part in (
        ("CheckDataBias", "data_bias", "train"),
        ("CheckModelBias", "model_bias", "test"),
        ("CheckExplainability", "explainability", "test"),
    ):
        config, data = (given["S3Input"]["S3Uri"] for given in steps[name]["Arguments"]["ProcessingInputs"])
        values = config["Std:Join"]["Values"]
        assert values[1:] == [
            {"Get": "Execution.PipelineExecutionId"},
            f"checks/config/{kind}/analysis_config.json",
        ]
        assert data == {"Get": f"Steps.BuildFeatures.ProcessingOutputConfig.Outputs['{part}'].S3Output.S3Uri"}
    asked = {name: steps[name].get("ModelName") for name in ("CheckDataBias", "CheckModelBias", "CheckExplainability")}
    model = {"Get": "Steps.CreateModel.ModelName"}
    assert asked == {"CheckDataBias": None, "CheckModelBias": model, "CheckExplainability": model}


def test_the_version_carries_the_results_as_its_reports_and_as_the_next_baselines(steps: dict[str, Json]) -> None:
    def file(step: str, result: str) -> Json:
        return {"ContentType": "application/json", "S3Uri": {"Get": f"Steps.{step}.{result}"}}

    register = steps["RegisterModel"]["Arguments"]
    assert register["ModelMetrics"].pop("ModelQuality")
    assert register["ModelMetrics"] == {
        "ModelDataQuality": {
            "Statistics": file("CheckDataQuality", "CalculatedBaselineStatistics"),
            "Constraints": file("CheckDataQuality", "CalculatedBaselineConstraints"),
        },
        "Bias": {
            "PreTrainingReport": file("CheckDataBias", "CalculatedBaselineConstraints"),
            "PostTrainingReport": file("CheckModelBias", "CalculatedBaselineConstraints"),
        },
        "Explainability": {"Report": file("CheckExplainability", "CalculatedBaselineConstraints")},
    }
    assert register["DriftCheckBaselines"] == {
        "ModelDataQuality": {
            "Statistics": file("CheckDataQuality", "BaselineUsedForDriftCheckStatistics"),
            "Constraints": file("CheckDataQuality", "BaselineUsedForDriftCheckConstraints"),
        },
        "Bias": {
            "PreTrainingConstraints": file("CheckDataBias", "BaselineUsedForDriftCheckConstraints"),
            "PostTrainingConstraints": file("CheckModelBias", "BaselineUsedForDriftCheckConstraints"),
        },
        "Explainability": {"Constraints": file("CheckExplainability", "BaselineUsedForDriftCheckConstraints")},
    }


def test_clarify_may_make_temporary_endpoints_of_the_projects_name_only(synthesized: Synthesized) -> None:
    job = statements(synthesized, "ProjectTrainingJobRole")
    endpoints = job["UseTemporaryEndpoints"]["Resource"]
    assert [resource["Fn::Join"][1][-1].split(":")[-1] for resource in endpoints] == ["endpoint/demo-clarify-*"]
    assert "sagemaker:CreateEndpoint" in job["MakeTemporaryEndpoints"]["Action"]
    assert statements(synthesized, "ProjectPipelineRole")["FindBaselines"]["Action"] == ["sagemaker:ListModelPackages"]


def test_without_a_check_that_asks_a_model_jobs_may_make_no_endpoints(tmp_path: Path, source: SourceDirectory) -> None:
    bias = BiasCheck(label_values_or_threshold=(1,), facets=(Facet(name="age"),), post_training_metrics=())
    made = synthesize(tmp_path, source, TrainingChecks(label="hired", bias=bias))

    assert {"CheckDataBias"} == {name for name in made.steps(NAME) if name in ("CheckDataBias", "CheckModelBias")}
    assert analyses(made.steps(NAME))["data_bias"]["facet"] == [{"name_or_index": "age"}]
    assert not [sid for sid in statements(made, "ProjectTrainingJobRole") if "Endpoint" in sid]


def test_without_checks_nothing_is_added(without: Synthesized) -> None:
    steps = without.steps(NAME)
    assert not [name for name in steps if name.startswith(("PrepareChecks", "CreateModel")) or "Bias" in name]
    assert "DriftCheckBaselines" not in steps["RegisterModel"]["Arguments"]
    assert "FindBaselines" not in statements(without, "ProjectPipelineRole")
    assert not [name for name in without.resources("AWS::Lambda::Function") if "PrepareChecks" in name]


@pytest.mark.parametrize(
    ("props", "environment"),
    [
        (
            {
                "tuning": Tuning(
                    objective="validation:rmse", ranges=[ContinuousRange(name="rate", minimum=0.1, maximum=0.9)]
                )
            },
            True,
        ),
        ({"algorithm": ContainerImage.built_in("linear-learner")}, False),
    ],
    ids=["tuned", "algorithm"],
)
def test_the_model_that_is_asked_is_the_one_that_is_registered(
    tmp_path: Path, source: SourceDirectory, props: dict[str, Any], environment: bool
) -> None:
    steps = synthesize(tmp_path, source, ALL, **props).steps(NAME)

    asked = steps["CreateModel"]["Arguments"]["PrimaryContainer"]
    (registered,) = steps["RegisterModel"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert asked == registered
    assert ("SAGEMAKER_PROGRAM" in asked["Environment"]) is environment
    assert steps["Tune" if "tuning" in props else "Train"]["DependsOn"] == ["CheckDataBias"]


def test_the_checks_violate_no_rule_of_aws_solutions(source: SourceDirectory) -> None:
    app = App(analytics_reporting=False)
    TrainingPipeline(new_project(app), "Training", source=source, input_prefix="raw/", checks=ALL)

    assert findings(app) == []


def test_the_same_checks_render_the_same_bytes(
    synthesized: Synthesized, tmp_path: Path, source: SourceDirectory
) -> None:
    assert synthesize(tmp_path, source, ALL).template == synthesized.template


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        (
            lambda: BiasCheck(
                label_values_or_threshold=(),
                facets=(Facet(name="age"), Facet(name="age")),
                pre_training_metrics=("CDDL",),
                post_training_metrics=("CDDPL",),
            ),
            ["label_values_or_threshold is empty", "facet 'age' is given twice", "metric CDDL", "metric CDDPL"],
        ),
        (
            lambda: BiasCheck(
                label_values_or_threshold=(1,), facets=(), pre_training_metrics=(), post_training_metrics=()
            ),
            ["there are no facets", "there are no metrics"],
        ),
        (
            lambda: ExplainabilityCheck(num_samples=0, baseline=((1, 2), (3,))),
            ["num_samples is 0", "baseline has rows of 1, 2 values"],
        ),
        (lambda: TrainingChecks(bias=BIAS), ["bias is checked and label is not given"]),
        (
            lambda: TrainingChecks(bias=BIAS, label="age", excluded_columns=("age",)),
            ["label 'age' is among excluded_columns", "'age' is both the label and a facet"],
        ),
        (
            lambda: TrainingChecks(bias=BIAS, columns=("points",), label="hired", excluded_columns=("id",)),
            [f"column '{name}' is not among columns; there are points" for name in ("hired", "id", "age")],
        ),
    ],
)
def test_all_mistakes_of_an_option_are_told_at_once(make: Callable[[], object], problems: list[str]) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        make()

    assert [told[: len(start)] for told, start in zip(caught.value.problems, problems, strict=True)] == problems


def test_a_hyperparameter_cannot_have_the_name_of_the_parameter_that_skips_checks(source: SourceDirectory) -> None:
    with pytest.raises(
        InvalidPropsError, match="'SkipChecks' is the parameter that skips the checks; use another name"
    ):
        TrainingPipeline(
            new_project(App(analytics_reporting=False)),
            "Training",
            source=source,
            input_prefix="raw/",
            hyperparameters={"SkipChecks": 1},
        )
