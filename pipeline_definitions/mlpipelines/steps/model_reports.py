"""What a registered version knows of itself: reports of its quality and bias, and the baselines for those that come after it."""

from __future__ import annotations

from dataclasses import dataclass

from mlpipelines.expressions import JsonObject, Value, without_none


@dataclass(frozen=True, kw_only=True)
class _Quality:
    model_quality_statistics_uri: Value | None = None
    model_quality_constraints_uri: Value | None = None
    data_quality_statistics_uri: Value | None = None
    data_quality_constraints_uri: Value | None = None

    def quality(self) -> JsonObject:
        """The two members that metrics and baselines have in common."""
        return without_none(
            ModelQuality=_files(
                Statistics=self.model_quality_statistics_uri, Constraints=self.model_quality_constraints_uri
            ),
            ModelDataQuality=_files(
                Statistics=self.data_quality_statistics_uri, Constraints=self.data_quality_constraints_uri
            ),
        )


@dataclass(frozen=True, kw_only=True)
class ModelMetrics(_Quality):
    """The reports of a version (API reference, ModelMetrics): S3 URIs of JSON files, each one optional.

    A check step leaves them in what it `calculated_...`.
    """

    bias_report_uri: Value | None = None
    pre_training_bias_report_uri: Value | None = None
    post_training_bias_report_uri: Value | None = None
    explainability_report_uri: Value | None = None

    def to_json(self) -> JsonObject:
        return without_none(
            **self.quality(),
            # The SDK writes these two, whether or not there is anything in them.
            Bias=_files(
                Report=self.bias_report_uri,
                PreTrainingReport=self.pre_training_bias_report_uri,
                PostTrainingReport=self.post_training_bias_report_uri,
            )
            or {},
            Explainability=_files(Report=self.explainability_report_uri) or {},
        )


@dataclass(frozen=True, kw_only=True)
class DriftCheckBaselines(_Quality):
    """What later checks compare with, once the version is approved (API reference, DriftCheckBaselines).

    S3 URIs of JSON files, each one optional: what a check step says in `baseline_used_...`. The two configurations are the
    analysis configurations of Clarify that the constraints were made with.
    """

    bias_config_uri: Value | None = None
    pre_training_bias_constraints_uri: Value | None = None
    post_training_bias_constraints_uri: Value | None = None
    explainability_config_uri: Value | None = None
    explainability_constraints_uri: Value | None = None

    def to_json(self) -> JsonObject:
        return without_none(
            **self.quality(),
            Bias=_files(
                ConfigFile=self.bias_config_uri,
                PreTrainingConstraints=self.pre_training_bias_constraints_uri,
                PostTrainingConstraints=self.post_training_bias_constraints_uri,
            ),
            Explainability=_files(
                ConfigFile=self.explainability_config_uri, Constraints=self.explainability_constraints_uri
            ),
        )


def _files(**uris: Value | None) -> JsonObject | None:
    """A JSON file for each URI that is given; None if none is."""
    given = {
        name: without_none(ContentType="application/json", S3Uri=uri) for name, uri in uris.items() if uri is not None
    }
    return given or None
