"""Checks around training: is the data as it was, is the model fair, does it look at the same features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlpipelines import DatasetFormat
from mlplatform.pipeline.jobs import JobResources
from mlplatform.pipeline.problems import raise_if_any

PreTrainingMetric = Literal["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
PostTrainingMetric = Literal["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "RD", "TE"]
ColumnValue = str | int | float

_CONDITIONAL = {"CDDL", "CDDPL"}


@dataclass(frozen=True, kw_only=True)
class DataQualityCheck:
    """Model Monitor, on the pipeline's input or its features: types, completeness, domains and distributions of the columns.

    `of="features"` checks what the features script writes as `train`, so that `BatchInference` can hold what it prepares
    against it; the input, which comes before the features, is of other columns as a rule. The default format is CSV whose
    first line names the columns. On a violation the execution ends before anything is trained;
    with `fail_on_violation=False` it goes on, and the step links the report.

    Source: developer guide, "QualityCheck step" and "Schema for Constraints".
    """

    format: DatasetFormat = field(default_factory=DatasetFormat.csv)
    fail_on_violation: bool = True
    of: Literal["input", "features"] = "input"


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A sensitive column, and the values of the group that may be at a disadvantage.

    For a column of numbers, give one threshold: the group is above it. Without values, each value is a group.
    """

    name: str
    values_or_threshold: Sequence[ColumnValue] = ()


@dataclass(frozen=True, kw_only=True)
class BiasCheck:
    """Clarify: are groups treated alike in the training data (before training), and by the model (after it)?

    `label_values_or_threshold` says which labels are the favorable outcome: values, or one threshold for numbers. `group` is
    the column of the conditional metrics, CDDL and CDDPL. An empty tuple of metrics leaves that check out.

    Clarify has no tolerance: a metric that is any further from no bias than the baseline's is a violation (developer guide,
    "Bias Drift Violations"). So few metrics are watched by default: class imbalance and the difference in favorable labels
    before, the difference in favorable predictions and in accuracy after. With `fail_on_violation=False` a violation is in the
    step's report, and the person who approves the version decides.

    Raises `InvalidPropsError` with every mistake in it.
    """

    label_values_or_threshold: Sequence[ColumnValue]
    facets: Sequence[Facet]
    pre_training_metrics: Sequence[PreTrainingMetric] = ("CI", "DPL")
    post_training_metrics: Sequence[PostTrainingMetric] = ("DPPL", "AD")
    group: str | None = None
    fail_on_violation: bool = True

    def __post_init__(self) -> None:
        raise_if_any("BiasCheck", self._problems())

    def _problems(self) -> Iterator[str]:
        if not self.label_values_or_threshold:
            yield "label_values_or_threshold is empty; give the labels that are favorable, such as (1,), or a threshold"
        if not self.facets:
            yield "there are no facets; give at least one, such as Facet(name='age', values_or_threshold=(40,))"
        names = [facet.name for facet in self.facets]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"facet '{name}' is given twice; give it once, with all its values"
        metrics = [*self.pre_training_metrics, *self.post_training_metrics]
        if not metrics:
            yield "there are no metrics; give pre_training_metrics or post_training_metrics, or leave the check out"
        if self.group is None:
            yield from (
                f"metric {metric} compares within the values of a column; give its name as group"
                for metric in metrics
                if metric in _CONDITIONAL
            )


@dataclass(frozen=True, kw_only=True)
class ExplainabilityCheck:
    """Clarify: SHAP values of the features on the test set, and whether they rank as those of the approved version.

    A violation is an nDCG score of the two rankings below 0.9 (developer guide, "Feature Attribution Drift Violations").
    `baseline` are rows of feature values that predictions are compared with, in the order of the test set's columns; the
    center of the test set when not given. The model is asked about `num_samples` variants of each row, 2048 and twice the
    number of features when not given: keep the test set, or this, small. The same `seed` asks the same.

    Raises `InvalidPropsError` with every mistake in it.
    """

    baseline: Sequence[Sequence[ColumnValue]] = ()
    num_samples: int | None = None
    aggregation: Literal["mean_abs", "median", "mean_sq"] = "mean_abs"
    seed: int = 0
    fail_on_violation: bool = True

    def __post_init__(self) -> None:
        raise_if_any("ExplainabilityCheck", self._problems())

    def _problems(self) -> Iterator[str]:
        if self.num_samples is not None and self.num_samples < 1:
            yield f"num_samples is {self.num_samples}; use 1 or more"
        lengths = sorted({len(row) for row in self.baseline})
        if len(lengths) > 1 or 0 in lengths:
            yield f"baseline has rows of {', '.join(map(str, lengths))} values; give each row a value for every feature"


@dataclass(frozen=True, kw_only=True)
class ModelAnswers:
    """How a model answers a line of CSV: with one line, which is the prediction, unless it says otherwise.

    `label` and `probability` are an index in a line of CSV, or a JMESPath in a line of JSON with
    `content_type="application/jsonlines"`. A score above `probability_threshold` is the label 1; 0.5 when not given.
    """

    content_type: Literal["text/csv", "application/jsonlines"] = "text/csv"
    label: str | int | None = None
    probability: str | int | None = None
    probability_threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingChecks:
    """What a training pipeline checks besides its metric. Each check is compared with the newest approved version.

    The results are registered with the version, as its reports and as the baselines of later executions. Where there is no
    baseline yet (nothing is approved, or the check is new), there is nothing to compare with: the check runs, passes, and makes
    one. An execution with `SkipChecks=true` does so for all: for data that changed for good.

    `data_quality` reads the pipeline's input. `bias` and `explainability` read what the features script writes: CSV whose first
    line names the columns, or, as built-in algorithms want it, without that line; then `columns` names them. `label` is the
    column with the truth, `excluded_columns` are those that the model is not sent, such as keys; the others are sent in their
    order. They ask the model in a temporary endpoint, which Clarify makes on an instance
    like those of `resources`, the machines of the checks' own jobs; in a VPC, this takes subnets in two zones and interface
    endpoints for `sagemaker.api` and `sagemaker.runtime` (developer guide, "Give Amazon SageMaker Clarify Jobs Access to
    Resources in Your Amazon VPC").

    Raises `InvalidPropsError` with every mistake in it.
    """

    data_quality: DataQualityCheck | None = None
    bias: BiasCheck | None = None
    explainability: ExplainabilityCheck | None = None
    columns: Sequence[str] = ()
    label: str | None = None
    excluded_columns: Sequence[str] = ()
    answers: ModelAnswers = field(default_factory=ModelAnswers)
    resources: JobResources = field(default_factory=JobResources)

    def __post_init__(self) -> None:
        raise_if_any("TrainingChecks", self._problems())

    def _problems(self) -> Iterator[str]:
        if self.bias is not None and self.label is None:
            yield "bias is checked and label is not given; name the column of the features with the truth"
        if self.label is not None and self.label in self.excluded_columns:
            yield f"label '{self.label}' is among excluded_columns; leave it out there, the model is not sent it anyway"
        facets = [] if self.bias is None else [facet.name for facet in self.bias.facets]
        if self.label in facets:
            yield f"'{self.label}' is both the label and a facet; a facet is a column of the groups"
        named = [*([] if self.label is None else [self.label]), *self.excluded_columns, *facets]
        for name in dict.fromkeys(named if self.columns else ()):
            if name not in self.columns:
                yield f"column '{name}' is not among columns; there are {', '.join(self.columns)}"
