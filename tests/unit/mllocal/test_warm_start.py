"""What earlier tuning jobs leave to the search of a new one."""

from __future__ import annotations

from typing import Any

from mllocal.jobs.objective import Objective
from mllocal.jobs.ranges import CategoricalRange, NumericRange, Range
from mllocal.jobs.search import Trial
from mllocal.jobs.warm_start import WarmStart

OBJECTIVE = Objective("loss", is_maximized=False)
RANGES: list[Range] = [
    NumericRange.of({"Name": "x", "MinValue": "0", "MaxValue": "1"}, is_integer=False),
    CategoricalRange("kind", ("a", "b")),
]


def parent(*tried: tuple[str, float | None], **static: str) -> dict[str, Any]:
    """A tuning job that tried values of x."""
    summaries = [
        {
            "TunedHyperParameters": {"x": x},
            **(
                {}
                if value is None
                else {"FinalHyperParameterTuningJobObjectiveMetric": {"Type": "Minimize", "Value": value}}
            ),
        }
        for x, value in tried
    ]
    return {
        "TrainingJobDefinition": {"StaticHyperParameters": static},
        "TrainingJobSummaries": summaries,
    }


def test_identical_data_makes_the_parents_training_jobs_trials_of_the_search() -> None:
    """Static values count where they are tunable now; what is outside the new ranges, or gave no value, does not."""
    parents = [parent(("0.5", 3.0), ("7", 1.0), ("0.1", None), kind="b"), parent(("0.2", 2.0), kind="c")]

    start = WarmStart.of("IdenticalDataAndAlgorithm", parents, RANGES, OBJECTIVE)

    assert start.trials == (Trial({"x": "0.5", "kind": "b"}, -3.0),)
    assert start.first_values == ()
    assert start.summaries[0]["TunedHyperParameters"] == {"x": "7"}


def test_transfer_learning_tries_the_parents_best_values_first() -> None:
    parents = [parent(*((f"0.{number}", float(number)) for number in range(1, 7)), kind="a")]

    start = WarmStart.of("TransferLearning", parents, RANGES, OBJECTIVE)

    assert [values["x"] for values in start.first_values] == ["0.1", "0.2", "0.3", "0.4"]
    assert (start.trials, start.summaries) == ((), ())
