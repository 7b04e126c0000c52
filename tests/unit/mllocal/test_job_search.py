"""Ranges of hyperparameters and the strategies that search them."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllocal.jobs.ranges import CategoricalRange, NumericRange, Range, RangeError, ranges_of
from mllocal.jobs.search import GridSearch, Trial, strategy


def _continuous(low: str, high: str, scaling: str = "Auto") -> NumericRange:
    given = {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return NumericRange.of(given, is_integer=False)


@given(st.floats(0, 1), st.sampled_from(["Linear", "Logarithmic", "ReverseLogarithmic"]))
def test_a_value_is_within_its_range_and_leads_back_to_its_position(position: float, scaling: str) -> None:
    item = _continuous("0.001", "0.9", scaling)

    value = item.value(position)

    assert 0.001 <= float(value) <= 0.9
    assert item.coordinates(value)[0] == pytest.approx(position, abs=1e-6)


def test_auto_scales_wide_positive_ranges_by_their_logarithm() -> None:
    assert float(_continuous("0.0001", "1").value(0.5)) == pytest.approx(0.01)
    assert float(_continuous("0", "1").value(0.5)) == 0.5


def test_whole_numbers_stay_whole_and_reach_both_ends() -> None:
    item = NumericRange.of({"Name": "depth", "MinValue": "1", "MaxValue": "3"}, is_integer=True)

    assert {item.value(number / 50) for number in range(51)} == {"1", "2", "3"}


@pytest.mark.parametrize(("low", "high", "scaling"), [("0", "1", "Logarithmic"), ("0", "1", "ReverseLogarithmic")])
def test_a_scale_that_does_not_fit_is_an_error(low: str, high: str, scaling: str) -> None:
    with pytest.raises(RangeError, match=scaling):
        _continuous(low, high, scaling)


def test_no_ranges_at_all_are_an_error() -> None:
    with pytest.raises(RangeError, match="holds no range"):
        ranges_of({})


def test_a_grid_has_every_combination_and_then_none() -> None:
    grid = GridSearch([CategoricalRange("a", ("1", "2")), CategoricalRange("b", ("x", "y"))])
    trials: list[Trial] = []
    while (values := grid.next_values(trials)) is not None:
        trials.append(Trial(values, 1.0))

    assert [tuple(trial.values.values()) for trial in trials] == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y")]


def _best_after(name: str, seed: int, trials_count: int) -> float:
    """The best score of a search on a smooth surface with one peak of height 0."""
    ranges: list[Range] = [_continuous("0", "1"), CategoricalRange("kind", ("a", "b", "c"))]
    search = strategy(name, ranges, seed)
    trials: list[Trial] = []
    for _ in range(trials_count):
        values = search.next_values(trials)
        assert values is not None
        penalty = {"a": 0.5, "b": 0.0, "c": 1.0}[values["kind"]]
        trials.append(Trial(values, -((float(values["x"]) - 0.62) ** 2) - penalty))
    return max(trial.score or 0.0 for trial in trials if trial.score is not None)


def test_bayesian_search_comes_nearer_to_the_peak_than_random_search() -> None:
    seeds = [random.randrange(2**31) for _ in range(9)]
    print(f"seeds {seeds}")

    bayesian, chance = (
        statistics.median(_best_after(name, seed, 18) for seed in seeds) for name in ("Bayesian", "Random")
    )

    assert bayesian > chance


def test_a_seed_makes_a_search_repeatable_and_running_trials_have_no_score() -> None:
    ranges: list[Range] = [_continuous("0", "1")]
    trials = [Trial({"x": repr(number / 7)}, None if number == 6 else number) for number in range(7)]

    first, second = (strategy("Bayesian", ranges, 5).next_values(trials) for _ in range(2))

    assert first == second
