"""Tuning: many training jobs with different hyperparameters, and the best of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mlpipelines.expressions import (
    Get,
    Join,
    JsonObject,
    Number,
    Text,
    Value,
    tag_list,
    text_list,
    to_text_json,
    without_none,
)
from mlpipelines.steps.base import JobStep
from mlpipelines.steps.training import TrainingJob

_MAX_SUMMARIES = 50


@dataclass(frozen=True, kw_only=True)
class ParameterRange(ABC):
    """A hyperparameter, and what it may be."""

    name: str
    kind: ClassVar[str]

    @abstractmethod
    def to_json(self) -> JsonObject:
        """The entry in the list of its kind."""


@dataclass(frozen=True, kw_only=True)
class _NumberRange(ParameterRange):
    minimum: Value
    maximum: Value
    scaling: Text = "Auto"

    def to_json(self) -> JsonObject:
        return without_none(
            Name=self.name,
            MinValue=to_text_json(self.minimum),
            MaxValue=to_text_json(self.maximum),
            ScalingType=self.scaling,
        )


class ContinuousRange(_NumberRange):
    """Any number from `minimum` to `maximum`. `scaling`: `Auto`, `Linear`, `Logarithmic`, `ReverseLogarithmic`."""

    kind = "ContinuousParameterRanges"


class IntegerRange(_NumberRange):
    """A whole number from `minimum` to `maximum`. `scaling`: `Auto`, `Linear`, `Logarithmic`."""

    kind = "IntegerParameterRanges"


@dataclass(frozen=True, kw_only=True)
class CategoricalRange(ParameterRange):
    """One of the values, 30 at most."""

    kind: ClassVar[str] = "CategoricalParameterRanges"

    values: Sequence[Value]

    def to_json(self) -> JsonObject:
        return {"Name": self.name, "Values": text_list(self.values)}


@dataclass(frozen=True, kw_only=True)
class TuningObjective:
    """The metric by which training jobs are compared: one of the job's `metric_definitions`, or of a built-in algorithm."""

    metric_name: Text
    type: Literal["Minimize", "Maximize"]

    def to_json(self) -> JsonObject:
        return without_none(Type=self.type, MetricName=self.metric_name)


@dataclass(frozen=True, kw_only=True)
class TuningLimits:
    """How many training jobs there are, and at once, and how long the tuning takes; the last is open when not given.

    `max_jobs` may be `None` with the strategy `Grid`, which tries every combination.
    """

    max_jobs: Number | None
    max_parallel_jobs: Number = 1
    max_runtime_seconds: Number | None = None

    def to_json(self) -> JsonObject:
        return without_none(
            MaxParallelTrainingJobs=self.max_parallel_jobs,
            MaxNumberOfTrainingJobs=self.max_jobs,
            MaxRuntimeInSeconds=self.max_runtime_seconds,
        )


@dataclass(frozen=True, kw_only=True)
class Hyperband:
    """Resources, such as epochs, that the strategy `Hyperband` gives to a training job at least and at most."""

    min_resource: Number
    max_resource: Number

    def to_json(self) -> JsonObject:
        inner = without_none(MinResource=self.min_resource, MaxResource=self.max_resource)
        return {"HyperbandStrategyConfig": inner}


@dataclass(frozen=True, kw_only=True)
class CompletionCriteria:
    """When tuning is done before its limits: at a value, after jobs (3 or more) without a better one, or when it converges."""

    target_metric_value: Value | None = None
    max_jobs_not_improving: Number | None = None
    on_convergence: bool = False

    def to_json(self) -> JsonObject:
        stale = self.max_jobs_not_improving
        improving = None if stale is None else without_none(MaxNumberOfTrainingJobsNotImproving=stale)
        return without_none(
            TargetObjectiveMetricValue=self.target_metric_value,
            BestObjectiveNotImproving=improving,
            ConvergenceDetected={"CompleteOnConvergence": "Enabled"} if self.on_convergence else None,
        )


@dataclass(frozen=True, kw_only=True)
class WarmStart:
    """Earlier tuning jobs, 1 to 5, that this one learns from.

    `TransferLearning` when the data or the algorithm changed since, else `IdenticalDataAndAlgorithm`.
    """

    parents: Sequence[Text]
    type: Literal["IdenticalDataAndAlgorithm", "TransferLearning"] = "IdenticalDataAndAlgorithm"

    def to_json(self) -> JsonObject:
        parents = [without_none(HyperParameterTuningJobName=parent) for parent in self.parents]
        return {"ParentHyperParameterTuningJobs": parents, "WarmStartType": self.type}


@dataclass(frozen=True, kw_only=True)
class TuningStep(JobStep):
    """A hyperparameter tuning job (CreateHyperParameterTuningJob).

    It runs `job` with values out of `ranges`; hyperparameters of the job that are not among those stay as they are.
    `strategy` is `Bayesian`, `Random`, `Grid` or `Hyperband`. With `early_stopping` `Auto`, jobs are stopped that
    are unlikely to win. The same `random_seed` gives the same values for the same ranges.
    """

    type: ClassVar[str] = "Tuning"

    job: TrainingJob
    objective: TuningObjective
    ranges: Sequence[ParameterRange]
    limits: TuningLimits
    strategy: Text = "Bayesian"
    early_stopping: Text = "Off"
    hyperband: Hyperband | None = None
    completion: CompletionCriteria | None = None
    warm_start: WarmStart | None = None
    random_seed: Number | None = None
    tags: Mapping[str, Text] = field(default_factory=dict)

    @property
    def best_training_job_name(self) -> Get:
        """The name of the job with the best value of the objective."""
        return self.get("BestTrainingJob.TrainingJobName")

    def top_model_artifacts(self, rank: int = 0) -> Join:
        """The S3 URI of the model archive of the best job, or of the next best ones; there are up to 50."""
        if not 0 <= rank < _MAX_SUMMARIES:
            raise ValueError(f"rank {rank} is not kept; use 0 (the best) to {_MAX_SUMMARIES - 1}")
        name = self.get(f"TrainingJobSummaries[{rank}].TrainingJobName")
        output = self.job.output_s3_uri
        root = output.rstrip("/") if isinstance(output, str) else output
        return Join(values=(root, name, "output/model.tar.gz"))

    def request(self) -> JsonObject:
        tuned = {one.name for one in self.ranges}
        static = self.job.hyperparameter_texts(without=tuned)
        return without_none(
            HyperParameterTuningJobConfig=without_none(
                Strategy=self.strategy,
                StrategyConfig=None if self.hyperband is None else self.hyperband.to_json(),
                HyperParameterTuningJobObjective=self.objective.to_json(),
                ResourceLimits=self.limits.to_json(),
                ParameterRanges=self._parameter_ranges(),
                TrainingJobEarlyStoppingType=self.early_stopping,
                TuningJobCompletionCriteria=None if self.completion is None else self.completion.to_json(),
                RandomSeed=self.random_seed,
            ),
            TrainingJobDefinition={**self.job.job_request(), **without_none(StaticHyperParameters=static or None)},
            WarmStartConfig=None if self.warm_start is None else self.warm_start.to_json(),
            Tags=tag_list(self.tags),
        )

    def _parameter_ranges(self) -> JsonObject:
        kinds = (IntegerRange.kind, ContinuousRange.kind, CategoricalRange.kind)
        lists = {kind: [one.to_json() for one in self.ranges if one.kind == kind] for kind in kinds}
        return {kind: ranges for kind, ranges in lists.items() if ranges}
