"""The entry point: statistics.json and constraints.json always, constraint_violations.json where a baseline is given."""

from __future__ import annotations

import os
import sys

from . import data_quality
from .dataset import read_dataset
from .settings import MESSAGE, AnalysisError, Settings

COMPLETED = "Completed: Job completed successfully with no violations."
WITH_VIOLATIONS = "CompletedWithViolations: Job completed successfully with {count} violations."


def main(words: list[str]) -> int:
    """Analyze; 0 whether or not there are violations, as AWS's container does."""
    try:
        message = _analyze(Settings.read(os.environ))
    except (AnalysisError, ValueError, OSError) as error:
        _leave(f"Error: {error}")
        print(error, file=sys.stderr)
        return 255
    _leave(message)
    print(message)
    return 0


def _analyze(settings: Settings) -> str:
    table = read_dataset(settings.source, settings.dataset_format)
    baseline = settings.baseline("baseline_constraints")
    if settings.variables.get("analysis_type", "DATA_QUALITY") == "MODEL_QUALITY":
        from . import model_quality

        problem = settings.variables.get("problem_type", "")
        statistics = model_quality.statistics_of(model_quality.predictions_of(table, settings.variables), problem)
        constraints = model_quality.constraints_of(statistics, problem)
        violations = None if baseline is None else model_quality.violations_of(statistics, baseline, problem)
    else:
        columns = data_quality.columns_of(table)
        statistics = data_quality.statistics_of(columns)
        constraints = data_quality.constraints_of(columns)
        known = settings.baseline("baseline_statistics")
        violations = None if baseline is None else data_quality.violations_of(columns, baseline, known)
    settings.write("statistics.json", statistics)
    settings.write("constraints.json", constraints)
    if violations is None:
        return COMPLETED
    settings.write("constraint_violations.json", violations)
    count = len(violations["violations"])
    return WITH_VIOLATIONS.format(count=count) if count else COMPLETED


def _leave(message: str) -> None:
    MESSAGE.parent.mkdir(parents=True, exist_ok=True)
    MESSAGE.write_text(message)
