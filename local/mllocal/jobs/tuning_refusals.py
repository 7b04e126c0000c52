"""What a tuning job may ask for that the embedded AWS does not do; see `refusals`, which adds what its training jobs ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mllocal.jobs.literals import is_known, items, literal, when
from mllocal.jobs.ranges import RangeError, ranges_of
from mllocal.sagemaker.store import Document

Refusals = Iterator[str]
_CONFIGURATION = "HyperParameterTuningJobConfig"
_RANGE_LISTS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def tuning_refusals(request: Document) -> Refusals:
    """Why the search itself cannot run here; nothing when it can."""
    for name in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if request.get(name):
            yield f"{name} is not one the embedded AWS does; leave it out and use a single TrainingJobDefinition"
    definition = request.get("TrainingJobDefinition")
    if definition is None:
        yield "TrainingJobDefinition is missing"
        return
    if "HyperParameterTuningResourceConfig" in definition:
        yield (
            "TrainingJobDefinition.HyperParameterTuningResourceConfig is not one the embedded AWS does; "
            "use ResourceConfig with InstanceType and InstanceCount"
        )
    configuration = request.get(_CONFIGURATION, {})
    yield from (f"{_CONFIGURATION}.{problem}" for problem in _search_refusals(configuration))
    yield from _objective_refusals(configuration, definition)
    yield from _range_refusals(configuration, definition)


def _search_refusals(configuration: Document) -> Refusals:
    yield from when(
        configuration,
        ("Strategy",),
        "Hyperband",
        "Strategy Hyperband is not one the embedded AWS does; use Bayesian, Random or Grid",
    )
    yield from when(
        configuration,
        ("TrainingJobEarlyStoppingType",),
        "Auto",
        "TrainingJobEarlyStoppingType Auto is not one the embedded AWS does; use Off",
    )
    yield from when(
        configuration,
        ("TuningJobCompletionCriteria", "ConvergenceDetected", "CompleteOnConvergence"),
        "Enabled",
        "TuningJobCompletionCriteria.ConvergenceDetected is not one the embedded AWS does; use BestObjectiveNotImproving",
    )
    strategy, limits = configuration.get("Strategy"), configuration.get("ResourceLimits", {})
    if isinstance(strategy, str) and strategy != "Grid" and "MaxNumberOfTrainingJobs" not in limits:
        yield "ResourceLimits.MaxNumberOfTrainingJobs is missing, which every strategy but Grid needs"


def _objective_refusals(configuration: Document, definition: Document) -> Refusals:
    objective = configuration.get("HyperParameterTuningJobObjective") or definition.get("TuningObjective")
    given = literal(definition, "AlgorithmSpecification", "MetricDefinitions")
    name = literal(objective, "MetricName")
    metrics = [literal(item, "Name") for item in items(definition, "AlgorithmSpecification", "MetricDefinitions")]
    if objective is None:
        yield f"{_CONFIGURATION}.HyperParameterTuningJobObjective is missing"
    elif is_known(name, given) and name not in metrics:
        yield (
            f"{_CONFIGURATION}.HyperParameterTuningJobObjective.MetricName {name!r} is not one of "
            f"AlgorithmSpecification.MetricDefinitions: {', '.join(metrics) or 'there are none'}"
        )


def _range_refusals(configuration: Document, definition: Document) -> Refusals:
    given = configuration.get("ParameterRanges") or definition.get("HyperParameterRanges", {})
    field = "HyperParameterRanges" if "HyperParameterRanges" in definition else f"{_CONFIGURATION}.ParameterRanges"
    if given.get("AutoParameters"):
        yield f"{field}.AutoParameters is not one the embedded AWS does; give ranges"
        return
    static = literal(definition, "StaticHyperParameters")
    names = [literal(item, "Name") for kind in _RANGE_LISTS for item in items(given, kind)]
    if isinstance(static, dict):
        yield from (
            f"{field} has {name!r}, which TrainingJobDefinition.StaticHyperParameters has too; keep one"
            for name in names
            if isinstance(name, str) and name in static
        )
    if configuration.get("Strategy") == "Grid":
        yield from _grid_refusals(configuration, given, field)
    if is_known(given):
        try:
            ranges_of(given)
        except (RangeError, ValueError) as error:
            yield f"{field}: {error}"


def _grid_refusals(configuration: Document, given: Document, field: str) -> Refusals:
    yield from (
        f"{field}.{kind} cannot be searched by Strategy Grid, which takes CategoricalParameterRanges only"
        for kind in _RANGE_LISTS[:2]
        if items(given, kind)
    )
    values = [literal(item, "Values") for item in items(given, _RANGE_LISTS[2])]
    limit = literal(configuration, "ResourceLimits", "MaxNumberOfTrainingJobs")
    if limit is not None and is_known(limit, given):
        count = math.prod(len(choices) for choices in values)
        if int(limit) != count:
            yield (
                f"{_CONFIGURATION}.ResourceLimits.MaxNumberOfTrainingJobs is {limit}; it must be the {count} combinations "
                "of the grid, or be left out"
            )
