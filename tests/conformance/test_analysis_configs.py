"""What we tell Clarify to analyze is what the SDK's check steps tell it, for the same options."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker.core.clarify import BiasConfig, DataConfig, ModelConfig, ModelPredictedLabelConfig, SHAPConfig
from sagemaker.mlops.workflow import CheckJobConfig, ClarifyCheckStep
from sagemaker.mlops.workflow.clarify_check_step import (
    DataBiasCheckConfig,
    ModelBiasCheckConfig,
    ModelExplainabilityCheckConfig,
)

from mlplatform import BiasCheck, ExplainabilityCheck, Facet, ModelAnswers, TrainingChecks
from mlplatform.pipeline.imported_session import make_session
from mlplatform.training.analysis import data_bias_analysis, explainability_analysis, model_bias_analysis
from tests.conformance.sdk import MACHINE, REGION

BIAS = BiasCheck(
    label_values_or_threshold=("yes",),
    facets=(Facet(name="age", values_or_threshold=(40,)), Facet(name="region", values_or_threshold=("north", "east"))),
    pre_training_metrics=("CI", "CDDL"),
    post_training_metrics=("DPPL", "FT"),
    group="branch",
)
EXPLAINABILITY = ExplainabilityCheck(baseline=((1, "a"), (2, "b")), num_samples=50, aggregation="median", seed=3)
COLUMNS = ("hired", "id", "age", "region", "branch")
CHECKS = TrainingChecks(
    columns=COLUMNS,
    label="hired",
    excluded_columns=("id",),
    answers=ModelAnswers(
        content_type="application/jsonlines", label="label", probability="score", probability_threshold=0.7
    ),
    bias=BIAS,
    explainability=EXPLAINABILITY,
)
PREFIX = "demand-clarify"


def theirs(config: Any) -> Any:
    job = CheckJobConfig(
        role="arn:aws:iam::111122223333:role/job", sagemaker_session=make_session(REGION, "demand"), **MACHINE
    )
    return ClarifyCheckStep(
        "Check", clarify_check_config=config, check_job_config=job
    )._generate_processing_job_analysis_config()


def data(**options: Any) -> DataConfig:
    return DataConfig(
        s3_data_input_path="s3://data/features",
        s3_output_path="s3://output/results",
        s3_analysis_config_output_path="s3://output/config",
        headers=list(COLUMNS),
        label="hired",
        dataset_type="text/csv",
        **options,
    )


@pytest.fixture(scope="module")
def groups() -> BiasConfig:
    return BiasConfig(
        label_values_or_threshold=["yes"],
        facet_name=["age", "region"],
        facet_values_or_threshold=[[40], ["north", "east"]],
        group_name="branch",
    )


@pytest.fixture(scope="module")
def model() -> ModelConfig:
    return ModelConfig(
        model_name="a-model",
        endpoint_name_prefix=PREFIX,
        content_type="text/csv",
        accept_type="application/jsonlines",
        **MACHINE,
    )


@pytest.fixture(scope="module")
def answers() -> ModelPredictedLabelConfig:
    return ModelPredictedLabelConfig(label="label", probability="score", probability_threshold=0.7)


def test_the_bias_of_data(groups: BiasConfig) -> None:
    config = DataBiasCheckConfig(data_config=data(), data_bias_config=groups, methods=["CI", "CDDL"])

    assert data_bias_analysis(CHECKS, BIAS) == theirs(config)


def test_the_bias_of_a_model(groups: BiasConfig, model: ModelConfig, answers: ModelPredictedLabelConfig) -> None:
    config = ModelBiasCheckConfig(
        data_config=data(excluded_columns=["id"]),
        data_bias_config=groups,
        model_config=model,
        model_predicted_label_config=answers,
        methods=["DPPL", "FT"],
    )

    assert model_bias_analysis(CHECKS, BIAS, PREFIX) == theirs(config)


def test_the_explanation_of_a_model(model: ModelConfig, answers: ModelPredictedLabelConfig) -> None:
    shap = SHAPConfig(baseline=[[1, "a"], [2, "b"]], num_samples=50, agg_method="median", seed=3)
    config = ModelExplainabilityCheckConfig(
        data_config=data(excluded_columns=["id"]), model_config=model, explainability_config=shap, model_scores=answers
    )

    assert explainability_analysis(CHECKS, EXPLAINABILITY, PREFIX) == theirs(config)
