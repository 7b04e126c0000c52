"""What Clarify is told to analyze: the typed options as `analysis_config.json`.

Source: developer guide, "Analysis Configuration Files"; the SDK writes the same for the same options.
"""

from __future__ import annotations

from mlpipelines import JsonObject
from mlplatform.training.checks import BiasCheck, ExplainabilityCheck, TrainingChecks


def data_bias_analysis(checks: TrainingChecks, bias: BiasCheck) -> JsonObject:
    """Bias of the training data."""
    methods = {"pre_training_bias": {"methods": list(bias.pre_training_metrics)}}
    return {**_dataset(checks), **_groups(bias), "methods": methods}


def model_bias_analysis(checks: TrainingChecks, bias: BiasCheck, endpoint_name_prefix: str) -> JsonObject:
    """Bias of what the model predicts for the test set."""
    methods = {"post_training_bias": {"methods": list(bias.post_training_metrics)}}
    return {
        **_dataset(checks),
        **_groups(bias),
        **_model(checks, endpoint_name_prefix),
        "methods": methods,
    }


def explainability_analysis(
    checks: TrainingChecks, explainability: ExplainabilityCheck, endpoint_name_prefix: str
) -> JsonObject:
    """How much each feature moves the model's predictions for the test set."""
    shap = _given(
        baseline=[list(row) for row in explainability.baseline] or None,
        num_samples=explainability.num_samples,
        agg_method=explainability.aggregation,
        seed=explainability.seed,
        use_logit=False,
        save_local_shap_values=True,
    )
    return {**_dataset(checks), **_model(checks, endpoint_name_prefix), "methods": {"shap": shap}}


def _dataset(checks: TrainingChecks) -> JsonObject:
    return _given(dataset_type="text/csv", headers=list(checks.columns) or None, label=checks.label)


def _groups(bias: BiasCheck) -> JsonObject:
    return _given(
        label_values_or_threshold=list(bias.label_values_or_threshold),
        facet=[
            _given(name_or_index=facet.name, value_or_threshold=list(facet.values_or_threshold) or None)
            for facet in bias.facets
        ],
        group_variable=bias.group,
    )


def _model(checks: TrainingChecks, endpoint_name_prefix: str) -> JsonObject:
    answers = checks.answers
    predictor = _given(
        instance_type=checks.resources.instance_type,
        initial_instance_count=1,
        endpoint_name_prefix=endpoint_name_prefix,
        content_type="text/csv",
        accept_type=answers.content_type,
        label=answers.label,
        probability=answers.probability,
    )
    return _given(
        excluded_columns=list(checks.excluded_columns) or None,
        probability_threshold=answers.probability_threshold,
        predictor=predictor,
    )


def _given(**members: object) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
