"""Which training jobs a tuning job stops early, against values calculated by hand."""

from __future__ import annotations

import pytest

from mllocal.jobs.early_stopping import Curve, HalvingRule, MedianRule, NeverStops, max_resource, stopping_rule

ENDED = [
    Curve(0, [1.0, 3.0], has_ended=True),  # Running averages: 1, 2.
    Curve(1, [2.0, 4.0, 6.0], has_ended=True),  # 2, 3, 4.
    Curve(2, [6.0, 8.0], has_ended=True),  # 6, 7.
]


@pytest.mark.parametrize(
    ("values", "epoch", "is_stopped"),
    [
        ([1.9], 1, True),  # The median of 1, 2 and 6 is 2.
        ([2.0], 1, False),
        ([9.0, 2.9], 2, True),  # The median of 2, 3 and 7 is 3; the value after the epoch counts, not its average.
        ([0.0, 3.1], 2, False),
        ([0.0, 0.0, 3.9], 3, True),  # One job came as far: its average is 4.
        ([0.0, 0.0, 0.0, 0.0], 4, False),  # None came as far.
    ],
)
def test_a_value_below_the_median_of_running_averages_stops(
    values: list[float], epoch: int, *, is_stopped: bool
) -> None:
    assert MedianRule().stops(Curve(3, values), epoch, ENDED) is is_stopped


def test_training_jobs_that_run_are_not_earlier_ones() -> None:
    running = [Curve(0, [5.0])]

    assert not MedianRule().stops(Curve(1, [1.0]), 1, running)


def test_at_each_rung_the_best_third_of_a_bracket_goes_on() -> None:
    """One bracket starts at epoch 1, one at 3: resources 1 to 9 make the rungs 1 and 3."""
    rule = HalvingRule(1, 9)
    first = [Curve(0, [5.0, 5.0, 5.0]), Curve(2, [4.0, 4.0, 4.0])]
    second = Curve(1, [9.0, 9.0, 9.0])

    assert rule.stops(Curve(4, [3.0]), 1, [*first, second])
    assert not rule.stops(Curve(4, [6.0]), 1, [*first, second])
    assert not rule.stops(Curve(3, [1.0]), 1, [*first, second])
    assert rule.stops(Curve(3, [1.0, 1.0, 1.0]), 3, [*first, second])
    assert not rule.stops(Curve(4, [1.0, 1.0]), 2, first)


def test_none_goes_past_the_largest_resource() -> None:
    assert HalvingRule(1, 4).stops(Curve(0, [1.0] * 4), 4, [])


@pytest.mark.parametrize(
    ("given", "static", "expected"),
    [
        ({"MaxResource": 9}, {"epochs": "2"}, 9),
        ({}, {"num_epochs": "2"}, 2),
        ({}, {"epochs": '"2"'}, 2),
        ({}, {"epochs": "many"}, None),
        ({}, {}, None),
    ],
)
def test_the_largest_resource_is_given_or_inferred_from_static_hyperparameters(
    given: dict[str, int], static: dict[str, str], expected: int | None
) -> None:
    assert max_resource(given, static) == expected


def test_early_stopping_is_off_unless_asked_for() -> None:
    assert isinstance(stopping_rule({"Strategy": "Random"}, {}), NeverStops)
