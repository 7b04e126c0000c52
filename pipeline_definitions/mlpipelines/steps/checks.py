"""Checks: jobs of AWS that hold data or a model against a baseline, and fail the step when it drifted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mlpipelines.expressions import (
    Get,
    JsonObject,
    Number,
    Text,
    Value,
    tag_list,
    text_map,
    to_json,
    without_none,
)
from mlpipelines.options import CacheConfig, NetworkConfig
from mlpipelines.steps.base import Step

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_BASELINE_DATASET = "baseline_dataset_input"


@dataclass(frozen=True, kw_only=True)
class CheckJob:
    """The image and the machines of a check.

    `image_uri` is AWS's own in the region: `sagemaker-model-monitor-analyzer` for quality, `sagemaker-clarify-processing`
    for Clarify (developer guide, "Docker Registry Paths"). A job over `max_runtime_seconds` (default 4 hours) is stopped.
    """

    image_uri: Text
    role_arn: Text
    instance_type: Text
    instance_count: Number = 1
    volume_size_gb: Number = 30
    max_runtime_seconds: Number = 14_400
    environment: Mapping[str, Value] = field(default_factory=dict)
    network: NetworkConfig | None = None
    volume_kms_key_id: Text | None = None
    output_kms_key_id: Text | None = None
    tags: Mapping[str, Text] = field(default_factory=dict)

    def request(
        self, inputs: list[JsonObject], output: JsonObject, environment: Mapping[str, Value] | None = None
    ) -> JsonObject:
        """The CreateProcessingJob of a check with these inputs, this output, and this environment besides its own."""
        return without_none(
            ProcessingInputs=inputs,
            ProcessingOutputConfig=without_none(Outputs=[output], KmsKeyId=self.output_kms_key_id),
            ProcessingResources={
                "ClusterConfig": without_none(
                    InstanceCount=self.instance_count,
                    InstanceType=self.instance_type,
                    VolumeSizeInGB=self.volume_size_gb,
                    VolumeKmsKeyId=self.volume_kms_key_id,
                )
            },
            AppSpecification=without_none(ImageUri=self.image_uri),
            RoleArn=self.role_arn,
            StoppingCondition=without_none(MaxRuntimeInSeconds=self.max_runtime_seconds),
            Environment=text_map({**self.environment, **({} if environment is None else environment)}) or None,
            NetworkConfig=None if self.network is None else self.network.processing_network_config(),
            Tags=tag_list(self.tags),
        )


@dataclass(frozen=True, kw_only=True)
class CheckBaseline:
    """What a check compares with, and what becomes of its own result.

    The baseline is the one supplied, else that of the newest approved version in `model_package_group_name`. With `skip_check`
    nothing is compared: the first time, when there is no baseline yet. With `register_new_baseline` what was calculated
    is what `baseline_used_...` of the step refers to, for the version registered next. All three take a Boolean parameter.

    Source: developer guide, "Baseline calculation, drift detection and lifecycle with ClarifyCheck and QualityCheck steps".
    """

    model_package_group_name: Text | None = None
    supplied_statistics_uri: Text | None = None
    supplied_constraints_uri: Text | None = None
    skip_check: Value = False
    fail_on_violation: Value = True
    register_new_baseline: Value = False


@dataclass(frozen=True, kw_only=True)
class DatasetFormat:
    """How a dataset is written: make one with `csv()` or `json()`."""

    text: str

    @classmethod
    def csv(cls, *, header: bool = True, output_columns_position: Literal["START", "END"] = "START") -> DatasetFormat:
        """Comma-separated values, whose first line names the columns unless `header` is false."""
        options = {"header": header, "output_columns_position": output_columns_position}
        return cls(text=json.dumps({"csv": options}))

    @classmethod
    def json(cls, *, lines: bool = True) -> DatasetFormat:
        """JSON, with an object on each line unless `lines` is false."""
        return cls(text=json.dumps({"json": {"lines": lines}}))


@dataclass(frozen=True, kw_only=True)
class DataQuality:
    """Checks types, completeness and distributions of a dataset's columns."""

    check_type: ClassVar[str] = "DATA_QUALITY"

    dataset_uri: Text
    output_uri: Text
    format: DatasetFormat

    def environment(self) -> dict[str, Value]:
        return {
            "output_path": _OUTPUT,
            "publish_cloudwatch_metrics": "Disabled",
            "dataset_format": self.format.text,
            "dataset_source": f"{_INPUT}/{_BASELINE_DATASET}",
        }


@dataclass(frozen=True, kw_only=True)
class ModelQuality(DataQuality):
    """Checks predictions against the truth, both columns of a dataset. Columns are named, or counted from `0`.

    `problem_type` is `Regression`, `BinaryClassification` or `MulticlassClassification`.
    """

    check_type: ClassVar[str] = "MODEL_QUALITY"

    problem_type: Text
    ground_truth_attribute: Text
    inference_attribute: Text | None = None
    probability_attribute: Text | None = None
    probability_threshold: Value | None = None

    def environment(self) -> dict[str, Value]:
        attributes = {
            "analysis_type": self.check_type,
            "problem_type": self.problem_type,
            "inference_attribute": self.inference_attribute,
            "probability_attribute": self.probability_attribute,
            "ground_truth_attribute": self.ground_truth_attribute,
            "probability_threshold_attribute": self.probability_threshold,
        }
        return {**super().environment(), **{name: value for name, value in attributes.items() if value is not None}}


@dataclass(frozen=True, kw_only=True)
class _CheckStep(Step):
    job: CheckJob
    baseline: CheckBaseline = field(default_factory=CheckBaseline)
    cache: CacheConfig | None = None

    @property
    def calculated_constraints(self) -> Get:
        """The S3 URI of the constraints that the check calculated."""
        return self.get("CalculatedBaselineConstraints")

    @property
    def baseline_used_constraints(self) -> Get:
        """The S3 URI of the constraints that the next check should compare with."""
        return self.get("BaselineUsedForDriftCheckConstraints")

    def _with_baseline(self, step: JsonObject, check_type: str) -> JsonObject:
        if self.cache is not None:
            step["CacheConfig"] = self.cache.to_json()
        baseline = self.baseline
        members = {
            "ModelPackageGroupName": baseline.model_package_group_name,
            "SkipCheck": baseline.skip_check,
            "FailOnViolation": baseline.fail_on_violation,
            "RegisterNewBaseline": baseline.register_new_baseline,
            "SuppliedBaselineConstraints": baseline.supplied_constraints_uri,
        }
        return {**step, "CheckType": check_type, **{name: _or_null(value) for name, value in members.items()}}


@dataclass(frozen=True, kw_only=True)
class QualityCheckStep(_CheckStep):
    """A data or model quality check of Model Monitor. A violation fails the step, unless the baseline says otherwise."""

    type: ClassVar[str] = "QualityCheck"

    check: DataQuality

    @property
    def calculated_statistics(self) -> Get:
        """The S3 URI of the statistics that the check calculated."""
        return self.get("CalculatedBaselineStatistics")

    @property
    def baseline_used_statistics(self) -> Get:
        """The S3 URI of the statistics that the next check should compare with."""
        return self.get("BaselineUsedForDriftCheckStatistics")

    def request(self) -> JsonObject:
        return self.job.request(
            [_input(_BASELINE_DATASET, self.check.dataset_uri, _BASELINE_DATASET)],
            _output("quality_check_output", self.check.output_uri),
            self.check.environment(),
        )

    def to_json(self) -> JsonObject:
        step = self._with_baseline(super().to_json(), self.check.check_type)
        return {**step, "SuppliedBaselineStatistics": _or_null(self.baseline.supplied_statistics_uri)}


@dataclass(frozen=True, kw_only=True)
class ClarifyCheckStep(_CheckStep):
    """A bias or explainability check of Clarify.

    `analysis_config_uri` is a JSON file in S3 that says what to analyze (developer guide, "Analysis Configuration Files").
    Model bias and explainability ask an endpoint that Clarify makes of `model_name` while the check runs.
    """

    type: ClassVar[str] = "ClarifyCheck"

    check_type: Literal["DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"]
    analysis_config_uri: Text
    dataset_uri: Text
    output_uri: Text
    model_name: Text | None = None

    def request(self) -> JsonObject:
        return self.job.request(
            [
                _input("analysis_config", self.analysis_config_uri, "config"),
                _input("dataset", self.dataset_uri, "data"),
            ],
            _output("analysis_result", self.output_uri),
        )

    def to_json(self) -> JsonObject:
        step = self._with_baseline(super().to_json(), self.check_type)
        return step if self.model_name is None else {**step, "ModelName": to_json(self.model_name)}


def _input(name: str, uri: Text, directory: str) -> JsonObject:
    source = without_none(S3Uri=uri, LocalPath=f"{_INPUT}/{directory}", S3DataType="S3Prefix", S3InputMode="File")
    return {"InputName": name, "S3Input": source}


def _output(name: str, uri: Text) -> JsonObject:
    target = without_none(S3Uri=uri, LocalPath=_OUTPUT, S3UploadMode="EndOfJob")
    return {"OutputName": name, "S3Output": target}


def _or_null(value: Value | None) -> object:
    return None if value is None else to_json(value)
