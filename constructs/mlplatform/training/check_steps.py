"""The steps of a training pipeline's checks, and what they leave in the registered version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from constructs import Construct

from mlpipelines import (
    CheckBaseline,
    CheckJob,
    ClarifyCheckStep,
    DataQuality,
    DriftCheckBaselines,
    Get,
    Join,
    JsonObject,
    LambdaOutput,
    LambdaStep,
    ModelContainer,
    ModelMetrics,
    ModelStep,
    Parameter,
    QualityCheckStep,
    Step,
    Text,
)
from mlplatform.pipeline.check_permissions import clarify_endpoint_prefix
from mlplatform.pipeline.functions import step_function
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.jobs import TRANSIENT_FAULTS, execution_uri
from mlplatform.policy import Statement
from mlplatform.project import MlProject
from mlplatform.training.analysis import data_bias_analysis, explainability_analysis, model_bias_analysis
from mlplatform.training.checks import TrainingChecks
from mlplatform.training.registry import read_registry

SKIP_CHECKS = Parameter(name="SkipChecks", type="Boolean", default=False)

_Check = Literal["data_quality", "data_bias", "model_bias", "explainability"]

_STEPS: dict[_Check, str] = {
    "data_quality": "CheckDataQuality",
    "data_bias": "CheckDataBias",
    "model_bias": "CheckModelBias",
    "explainability": "CheckExplainability",
}
# Where a version keeps the baseline of each (API reference, DriftCheckBaselines).
_BASELINES: dict[_Check, str] = {
    "data_quality": "ModelDataQuality.Constraints",
    "data_bias": "Bias.PreTrainingConstraints",
    "model_bias": "Bias.PostTrainingConstraints",
    "explainability": "Explainability.Constraints",
}
_CLARIFY: dict[_Check, Literal["DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"]] = {
    "data_bias": "DATA_BIAS",
    "model_bias": "MODEL_BIAS",
    "explainability": "MODEL_EXPLAINABILITY",
}
_RUNTIME = Path(__file__).parent / "runtime"
_CONFIGS = "checks/config"


class CheckSteps(Construct):
    """Makes the steps of the checks that are asked for, with the function of the step `PrepareChecks`.

    Each check makes a new baseline, which is registered with the version. It is compared with the newest approved version's
    unless that has none: a check step that looks for a baseline and finds none fails (developer guide, "Baseline calculation,
    drift detection and lifecycle with ClarifyCheck and QualityCheck steps"), so `PrepareChecks` looks first.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, project: MlProject, pipeline_name: str, checks: TrainingChecks
    ) -> None:
        super().__init__(scope, construct_id)
        self._project = project
        self._pipeline_name = pipeline_name
        self._options = checks
        self._analyses = _analyses(checks, clarify_endpoint_prefix(project))
        quality: tuple[_Check, ...] = () if checks.data_quality is None else ("data_quality",)
        self._checks: tuple[_Check, ...] = (*quality, *self._analyses)

    @property
    def parameters(self) -> list[Parameter]:
        """What an execution may set."""
        return [SKIP_CHECKS] if self._checks else []

    def prepare(self) -> list[Step]:
        """The first step, if there is any check."""
        return [self._prepared] if self._checks else []

    @cached_property
    def _prepared(self) -> LambdaStep:
        """Finds out what has a baseline, and writes what Clarify reads."""
        function = step_function(
            self,
            "PrepareChecks",
            project=self._project,
            pipeline_name=self._pipeline_name,
            code=_RUNTIME / "prepare_checks.py",
            statements=(*read_registry(self._project), *self._write_analyses()),
        )
        return LambdaStep(
            name="PrepareChecks",
            function_arn=function.function_arn,
            inputs={
                "model_package_group_name": self._project.model_package_group_name,
                "skip_checks": SKIP_CHECKS,
                "baselines": json.dumps({check: _BASELINES[check] for check in self._checks}),
                "analysis_configs": json.dumps(self._analyses),
                "analysis_config_uri": self._uri(_CONFIGS),
            },
            outputs=[LambdaOutput(name=f"skip_{check}", type="Boolean") for check in self._checks],
        )

    def data_quality(self, of: Literal["input", "features"], uri: Text, after: Sequence[Step]) -> list[Step]:
        """The input, or the features, beside those of the approved version, if it is they that are checked."""
        asked = self._options.data_quality
        if asked is None or asked.of != of:
            return []
        return [
            QualityCheckStep(
                name=_STEPS["data_quality"],
                job=self._job(ContainerImage.model_monitor()),
                check=DataQuality(dataset_uri=uri, output_uri=self._uri("checks/data_quality"), format=asked.format),
                baseline=self._baseline("data_quality", fail_on_violation=asked.fail_on_violation),
                depends_on=after,
            )
        ]

    def data_bias(self, training_uri: Text) -> list[Step]:
        """The training data's bias beside that of the approved version."""
        return self._clarify("data_bias", training_uri)

    def of_model(self, container: ModelContainer, test_uri: Text) -> list[Step]:
        """A model, and what it predicts for the test set beside the approved version."""
        model = ModelStep(
            name="CreateModel",
            role_arn=self._project.training_job_role_arn,
            container=container,
            network=self._project.network,
            retry_policies=TRANSIENT_FAULTS[:1],
            tags=self._project.tags,
        )
        asked = [
            *self._clarify("model_bias", test_uri, model.model_name),
            *self._clarify("explainability", test_uri, model.model_name),
        ]
        return [model, *asked] if asked else []

    def metrics(self, evaluation_uri: Text) -> ModelMetrics:
        """The reports of the version, besides its evaluation."""
        new = "CalculatedBaseline"
        return ModelMetrics(
            model_quality_statistics_uri=evaluation_uri,
            data_quality_statistics_uri=self._left("data_quality", f"{new}Statistics"),
            data_quality_constraints_uri=self._left("data_quality", f"{new}Constraints"),
            pre_training_bias_report_uri=self._left("data_bias", f"{new}Constraints"),
            post_training_bias_report_uri=self._left("model_bias", f"{new}Constraints"),
            explainability_report_uri=self._left("explainability", f"{new}Constraints"),
        )

    def baselines(self) -> DriftCheckBaselines:
        """What later executions compare with, once the version is approved."""
        used = "BaselineUsedForDriftCheck"
        return DriftCheckBaselines(
            data_quality_statistics_uri=self._left("data_quality", f"{used}Statistics"),
            data_quality_constraints_uri=self._left("data_quality", f"{used}Constraints"),
            pre_training_bias_constraints_uri=self._left("data_bias", f"{used}Constraints"),
            post_training_bias_constraints_uri=self._left("model_bias", f"{used}Constraints"),
            explainability_constraints_uri=self._left("explainability", f"{used}Constraints"),
        )

    def _clarify(self, check: _Check, dataset_uri: Text, model_name: Text | None = None) -> list[Step]:
        asked = self._options.explainability if check == "explainability" else self._options.bias
        if asked is None or check not in self._analyses:
            return []
        return [
            ClarifyCheckStep(
                name=_STEPS[check],
                job=self._job(ContainerImage.clarify()),
                check_type=_CLARIFY[check],
                analysis_config_uri=self._uri(f"{_CONFIGS}/{check}/analysis_config.json"),
                dataset_uri=dataset_uri,
                output_uri=self._uri(f"checks/{check}"),
                model_name=model_name,
                baseline=self._baseline(check, fail_on_violation=asked.fail_on_violation),
            )
        ]

    def _job(self, image: ContainerImage) -> CheckJob:
        project, machines = self._project, self._options.resources
        return CheckJob(
            image_uri=image.uri(project.region),
            role_arn=project.training_job_role_arn,
            instance_type=machines.instance_type,
            instance_count=machines.instance_count,
            volume_size_gb=machines.volume_gb,
            max_runtime_seconds=machines.max_runtime_seconds,
            network=project.network,
            volume_kms_key_id=machines.volume_kms_key_id(project.key_arn),
            output_kms_key_id=project.key_arn,
            tags=project.tags,
        )

    def _baseline(self, check: _Check, *, fail_on_violation: bool) -> CheckBaseline:
        return CheckBaseline(
            model_package_group_name=self._project.model_package_group_name,
            skip_check=self._prepared.output(f"skip_{check}"),
            fail_on_violation=fail_on_violation,
            register_new_baseline=True,
        )

    def _left(self, check: _Check, result: str) -> Get | None:
        return Get(f"Steps.{_STEPS[check]}.{result}") if check in self._checks else None

    def _uri(self, name: str) -> Join:
        return execution_uri(self._project, self._pipeline_name, name)

    def _write_analyses(self) -> list[Statement]:
        artifacts = f"arn:{self._project.partition}:s3:::{self._project.artifact_bucket_name}"
        write = Statement(
            sid="WriteAnalysisConfigs",
            actions=["s3:PutObject"],
            resources=[f"{artifacts}/{self._pipeline_name}/*/{_CONFIGS}/*"],
            wildcard_reason="each execution has a prefix of its own, named at run time",
        )
        return [write] if self._analyses else []


def _analyses(checks: TrainingChecks, endpoint_name_prefix: str) -> dict[_Check, JsonObject]:
    """The analysis configuration of each check of Clarify that is asked for."""
    bias, explainability = checks.bias, checks.explainability
    analyses: dict[_Check, JsonObject] = {}
    if bias is not None and bias.pre_training_metrics:
        analyses["data_bias"] = data_bias_analysis(checks, bias)
    if bias is not None and bias.post_training_metrics:
        analyses["model_bias"] = model_bias_analysis(checks, bias, endpoint_name_prefix)
    if explainability is not None:
        analyses["explainability"] = explainability_analysis(checks, explainability, endpoint_name_prefix)
    return analyses
