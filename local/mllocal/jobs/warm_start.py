"""`WarmStartConfig`: what earlier tuning jobs found, as a start for the search of a new one.

Source: "Run a Warm Start Hyperparameter Tuning Job", SageMaker Developer Guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mllocal.jobs.objective import Objective, rank
from mllocal.jobs.ranges import Range
from mllocal.jobs.search import Trial, Values
from mllocal.sagemaker.store import Document

IDENTICAL = "IdenticalDataAndAlgorithm"
MAX_PARENTS = 5
_TRANSFERRED_VALUES = 4
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class WarmStart:
    """What the parents leave to a search.

    With `IdenticalDataAndAlgorithm` their training jobs are `trials` like the search's own, and `summaries` may hold the overall
    best one. With `TransferLearning` the scores on other data say little: the parents' best values are the first ones to try.
    """

    trials: tuple[Trial, ...] = ()
    first_values: tuple[Values, ...] = ()
    summaries: tuple[Document, ...] = ()

    @classmethod
    def of(cls, kind: str, parents: Sequence[Document], ranges: Sequence[Range], objective: Objective) -> WarmStart:
        """From tuning jobs that have ended; values outside the new ranges are left out."""
        summaries = sorted((summary for parent in parents for summary in parent["TrainingJobSummaries"]), key=rank)
        tried = [trial for parent in parents for trial in _trials(parent, ranges, objective)]
        if kind == IDENTICAL:
            return cls(trials=tuple(tried), summaries=tuple(summaries))
        best = sorted(tried, key=lambda trial: trial.score or 0.0, reverse=True)[:_TRANSFERRED_VALUES]
        return cls(first_values=tuple(trial.values for trial in best))


def _trials(parent: Document, ranges: Sequence[Range], objective: Objective) -> Iterator[Trial]:
    """The training jobs of a parent with a value. What is tunable now may have been static then."""
    static = parent["TrainingJobDefinition"].get("StaticHyperParameters", {})
    for summary in parent["TrainingJobSummaries"]:
        given = {**static, **summary["TunedHyperParameters"]}
        metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        if metric is not None and all(item.name in given and item.contains(given[item.name]) for item in ranges):
            yield Trial({item.name: given[item.name] for item in ranges}, objective.score(metric["Value"]))


def parent_problems(request: Document, parents: Sequence[Document]) -> Iterator[str]:
    """Why tuning jobs cannot be the parents of a new one: its limitations in the developer guide."""
    definition = request["TrainingJobDefinition"]
    objective = Objective.of(request["HyperParameterTuningJobConfig"], definition)
    count = _hyperparameters_count(request)
    for parent in parents:
        name, status = parent["HyperParameterTuningJobName"], parent["HyperParameterTuningJobStatus"]
        field = f"WarmStartConfig.ParentHyperParameterTuningJobs {name!r}"
        if status not in _ENDED:
            yield f"{field} is {status}; wait until it has ended"
        if "TrainingJobDefinition" not in parent:
            yield f"{field} tuned several algorithms; a parent has a single TrainingJobDefinition"
            continue
        if Objective.of(parent["HyperParameterTuningJobConfig"], parent["TrainingJobDefinition"]) != objective:
            yield f"{field} has another objective; parents and the new job have the same metric and type"
        if _hyperparameters_count(parent) != count:
            yield (
                f"{field} has {_hyperparameters_count(parent)} static and tunable hyperparameters in all, and the new job {count}; "
                "static ones may become tunable and the other way round, but their number stays the same"
            )


def _hyperparameters_count(request: Document) -> int:
    definition = request["TrainingJobDefinition"]
    configuration = request["HyperParameterTuningJobConfig"]
    ranges = configuration.get("ParameterRanges") or definition.get("HyperParameterRanges", {})
    return sum(len(items) for items in ranges.values()) + len(definition.get("StaticHyperParameters", {}))
