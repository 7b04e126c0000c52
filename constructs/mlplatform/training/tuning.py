"""Hyperparameter tuning: Mercari's parameter and architecture search, as SageMaker does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlpipelines import (
    ParameterRange,
    RetryPolicy,
    Step,
    Text,
    TrainingJob,
    TuningLimits,
    TuningObjective,
    TuningStep,
    WarmStart,
)
from mlplatform.pipeline.problems import raise_if_any

Strategy = Literal["Bayesian", "Random", "Grid", "Hyperband"]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Train many times with different hyperparameters, and keep the best model.

    `objective` is one of the pipeline's `training_metrics`; `ranges` says which hyperparameters are searched, and where:
    `ContinuousRange`, `IntegerRange`, `CategoricalRange` of `mlpipelines`. Jobs that are unlikely to win are stopped early
    unless `stop_early` is off; it needs a metric that is printed again and again while the script trains.
    `warm_start` names earlier tuning jobs to learn from. The same `random_seed` searches the same values.

    Raises `InvalidPropsError` with every mistake in it.
    """

    objective: str
    ranges: Sequence[ParameterRange]
    goal: Literal["Minimize", "Maximize"] = "Minimize"
    max_jobs: int = 20
    max_parallel_jobs: int = 2
    strategy: Strategy = "Bayesian"
    stop_early: bool = True
    warm_start: WarmStart | None = None
    random_seed: int | None = None

    def __post_init__(self) -> None:
        raise_if_any("Tuning", self._problems())

    def problems_with(self, training_metrics: Sequence[str]) -> Iterator[str]:
        """A sentence if the objective is no metric of the training job."""
        if self.objective not in training_metrics:
            yield (
                f"tuning has the objective '{self.objective}', which is none of training_metrics; "
                f"use one of {', '.join(training_metrics)}, or add it there"
            )

    def step(
        self,
        name: str,
        job: TrainingJob,
        *,
        retry_policies: Sequence[RetryPolicy],
        tags: Mapping[str, Text],
        depends_on: Sequence[Step],
    ) -> TuningStep:
        """The step that tunes the job."""
        return TuningStep(
            name=name,
            job=job,
            objective=TuningObjective(metric_name=self.objective, type=self.goal),
            ranges=self.ranges,
            limits=TuningLimits(max_jobs=self.max_jobs, max_parallel_jobs=self.max_parallel_jobs),
            strategy=self.strategy,
            early_stopping="Auto" if self.stop_early else "Off",
            warm_start=self.warm_start,
            random_seed=self.random_seed,
            retry_policies=retry_policies,
            tags=tags,
            depends_on=depends_on,
        )

    def _problems(self) -> Iterator[str]:
        if not self.ranges:
            yield "there are no ranges; give at least one, such as ContinuousRange(name='eta', minimum=0.01, maximum=0.5)"
        names = [one.name for one in self.ranges]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"hyperparameter '{name}' has two ranges; give it one"
        if self.max_jobs < 1:
            yield f"max_jobs is {self.max_jobs}; use 1 or more"
        if not 1 <= self.max_parallel_jobs <= self.max_jobs:
            yield f"max_parallel_jobs is {self.max_parallel_jobs}; use 1 to max_jobs, which is {self.max_jobs}"
