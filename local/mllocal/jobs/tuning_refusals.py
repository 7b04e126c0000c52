"""What a tuning job may ask for that the embedded AWS does not do; see `refusals`, which adds what its training jobs ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mllocal.jobs.early_stopping import RESOURCE_NAMES, max_resource
from mllocal.jobs.literals import is_known, items, literal, when
from mllocal.jobs.ranges import RangeError, ranges_of
from mllocal.jobs.warm_start import MAX_PARENTS
from mllocal.sagemaker.store import Document

Refusals = Iterator[str]
_CONFIGURATION = "HyperParameterTuningJobConfig"
_SINGLE = "TrainingJobDefinition"
_RANGE_LISTS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def tuning_refusals(request: Document) -> Refusals:
    """Why the search itself cannot run here; nothing when it can."""
    configuration = request.get(_CONFIGURATION, {})
    if request.get("Autotune"):
        yield "Autotune is not one the embedded AWS does; give ParameterRanges, Strategy and ResourceLimits yourself"
    yield from (f"{_CONFIGURATION}.{problem}" for problem in _search_refusals(configuration))
    yield from _warm_start_refusals(request, configuration)
    if request.get("TrainingJobDefinitions") and request.get("TrainingJobDefinition"):
        yield "TrainingJobDefinition and TrainingJobDefinitions are both given; keep one"
    if not request.get("TrainingJobDefinitions") and not request.get("TrainingJobDefinition"):
        yield "TrainingJobDefinition is missing"
    if request.get("TrainingJobDefinitions"):
        yield from _refusals_of_several(configuration)
    for field, definition in definitions_of(request):
        yield from _definition_refusals(configuration, definition, field)


def definitions_of(request: Document) -> list[tuple[str, Document]]:
    """The training job definitions of a tuning job, with their fields."""
    several = items(request, "TrainingJobDefinitions")
    single = request.get("TrainingJobDefinition")
    named = [(f"TrainingJobDefinitions[{place}]", definition) for place, definition in enumerate(several)]
    return [*([(_SINGLE, single)] if isinstance(single, dict) else []), *named]


def _search_refusals(configuration: Document) -> Refusals:
    yield from when(
        configuration,
        ("TuningJobCompletionCriteria", "ConvergenceDetected", "CompleteOnConvergence"),
        "Enabled",
        "TuningJobCompletionCriteria.ConvergenceDetected is not one the embedded AWS does; use BestObjectiveNotImproving",
    )
    strategy, limits = configuration.get("Strategy"), configuration.get("ResourceLimits", {})
    if isinstance(strategy, str) and strategy != "Grid" and "MaxNumberOfTrainingJobs" not in limits:
        yield "ResourceLimits.MaxNumberOfTrainingJobs is missing, which every strategy but Grid needs"
    if strategy == "Hyperband":
        yield from when(
            configuration,
            ("TrainingJobEarlyStoppingType",),
            "Auto",
            "TrainingJobEarlyStoppingType must be Off for Strategy Hyperband, which stops training jobs by itself",
        )
    elif configuration.get("StrategyConfig"):
        yield "StrategyConfig is for Strategy Hyperband; leave it out"


def _warm_start_refusals(request: Document, configuration: Document) -> Refusals:
    parents = items(request, "WarmStartConfig", "ParentHyperParameterTuningJobs")
    if len(parents) > MAX_PARENTS:
        yield f"WarmStartConfig.ParentHyperParameterTuningJobs has {len(parents)} entries; give at most {MAX_PARENTS}"
    if request.get("WarmStartConfig") and configuration.get("Strategy") == "Grid":
        yield "WarmStartConfig is of no use to Strategy Grid, which tries every combination; use Bayesian or Random"
    if request.get("WarmStartConfig") and request.get("TrainingJobDefinitions"):
        yield "WarmStartConfig needs a single TrainingJobDefinition"


def _refusals_of_several(configuration: Document) -> Refusals:
    yield from when(
        configuration,
        ("TrainingJobEarlyStoppingType",),
        "Auto",
        f"{_CONFIGURATION}.TrainingJobEarlyStoppingType Auto needs a single TrainingJobDefinition; use Off",
    )
    for name, instead in (
        ("HyperParameterTuningJobObjective", "TuningObjective"),
        ("ParameterRanges", "HyperParameterRanges"),
    ):
        if configuration.get(name):
            yield f"{_CONFIGURATION}.{name} is for a single TrainingJobDefinition; give each of TrainingJobDefinitions a {instead}"


def _definition_refusals(configuration: Document, definition: Document, field: str) -> Refusals:
    if "HyperParameterTuningResourceConfig" in definition and "ResourceConfig" in definition:
        yield f"{field} has HyperParameterTuningResourceConfig and ResourceConfig; give one of them"
    if field != _SINGLE and "DefinitionName" not in definition:
        yield f"{field}.DefinitionName is missing"
    yield from _objective_refusals(configuration, definition, field)
    yield from _range_refusals(configuration, definition, field)
    static = definition.get("StaticHyperParameters", {})
    given = literal(configuration, "StrategyConfig", "HyperbandStrategyConfig") or {}
    if configuration.get("Strategy") == "Hyperband" and is_known(static, given) and max_resource(given, static) is None:
        yield (
            f"{_CONFIGURATION}.StrategyConfig.HyperbandStrategyConfig.MaxResource is missing, and {field}.StaticHyperParameters "
            f"has no whole number as {', '.join(RESOURCE_NAMES)} to infer it from"
        )


def _objective_refusals(configuration: Document, definition: Document, field: str) -> Refusals:
    objective = configuration.get("HyperParameterTuningJobObjective") or definition.get("TuningObjective")
    where = f"{field}.TuningObjective" if field != _SINGLE else f"{_CONFIGURATION}.HyperParameterTuningJobObjective"
    given = literal(definition, "AlgorithmSpecification", "MetricDefinitions")
    name = literal(objective, "MetricName")
    metrics = [literal(item, "Name") for item in items(definition, "AlgorithmSpecification", "MetricDefinitions")]
    if objective is None:
        yield f"{where} is missing"
    elif is_known(name, given) and name not in metrics:
        yield (
            f"{where}.MetricName {name!r} is not one of "
            f"{field}.AlgorithmSpecification.MetricDefinitions: {', '.join(metrics) or 'there are none'}"
        )


def _range_refusals(configuration: Document, definition: Document, field: str) -> Refusals:
    given = configuration.get("ParameterRanges") or definition.get("HyperParameterRanges", {})
    where = f"{field}.HyperParameterRanges" if field != _SINGLE else f"{_CONFIGURATION}.ParameterRanges"
    if given.get("AutoParameters"):
        yield f"{where}.AutoParameters is not one the embedded AWS does; give ranges"
        return
    static = literal(definition, "StaticHyperParameters")
    names = [literal(item, "Name") for kind in _RANGE_LISTS for item in items(given, kind)]
    if isinstance(static, dict):
        yield from (
            f"{where} has {name!r}, which {field}.StaticHyperParameters has too; keep one"
            for name in names
            if isinstance(name, str) and name in static
        )
    if configuration.get("Strategy") == "Grid":
        yield from _grid_refusals(given, where)
        yield from _grid_size_refusals(configuration, given) if field == _SINGLE else ()
    if is_known(given):
        try:
            ranges_of(given)
        except (RangeError, ValueError) as error:
            yield f"{where}: {error}"


def _grid_refusals(given: Document, where: str) -> Refusals:
    yield from (
        f"{where}.{kind} cannot be searched by Strategy Grid, which takes CategoricalParameterRanges only"
        for kind in _RANGE_LISTS[:2]
        if items(given, kind)
    )


def _grid_size_refusals(configuration: Document, given: Document) -> Refusals:
    limit = literal(configuration, "ResourceLimits", "MaxNumberOfTrainingJobs")
    if limit is not None and is_known(limit, given):
        count = math.prod(len(item["Values"]) for item in items(given, _RANGE_LISTS[2]))
        if int(limit) != count:
            yield (
                f"{_CONFIGURATION}.ResourceLimits.MaxNumberOfTrainingJobs is {limit}; it must be the {count} combinations "
                "of the grid, or be left out"
            )
