"""Profiles merge in any order, and tell a column that has moved from one that has not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from batch_jobs.profiles import ColumnProfile
from hypothesis import given, settings
from hypothesis import strategies as st

from column_profiles import merge, population_stability_index
from column_profiles.histograms import MOST_BUCKETS, key_of, value_of

numbers = st.lists(
    st.floats(-1e9, 1e9) | st.integers(-5, 5).map(float) | st.just(math.nan) | st.just(math.inf), max_size=60
)
spread = st.integers(0, 2**32 - 1).map(lambda seed: [*np.random.default_rng(seed).lognormal(0, 8, 700)])


def profile(values: list[Any] | np.ndarray[Any, Any], *, pieces: int = 1) -> dict[str, Any]:
    made = ColumnProfile(numeric=True)
    for piece in np.array_split(np.asarray(values, float), pieces):
        made.add_numbers(piece)
    return made.to_json()


def text_profile(values: Sequence[str | None]) -> dict[str, Any]:
    made = ColumnProfile(numeric=False)
    made.add(pa.chunked_array([pa.array(values, pa.string())]))
    return made.to_json()


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Counts and buckets to the last, mean and deviation as near as floats are."""
    near = ("mean", "std", "m2")
    exact = {key: first[key] == second[key] for key in first if key not in near}
    largest = max((abs(first[key]) for key in ("min", "max") if first[key] is not None), default=0.0)
    close = all(
        first[key] == second[key]
        or math.isclose(first[key], second[key], rel_tol=1e-6, abs_tol=1e-6 * (1 + largest**2))
        for key in near
    )
    return close and all(exact.values())


@settings(max_examples=60, deadline=None)
@given(numbers | spread, numbers | spread, numbers | spread)
def test_merging_is_associative_and_commutative_and_equals_one_pass(
    a: list[float], b: list[float], c: list[float]
) -> None:
    one, two, three = profile(a), profile(b), profile(c)
    assert same(merge(merge(one, two), three), merge(one, merge(two, three)))
    assert same(merge(one, two), merge(two, one))
    assert same(merge(merge(one, two), three), profile([*a, *b, *c]))
    assert same(profile([*a, *b, *c], pieces=3), profile([*a, *b, *c]))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_known_by_its_key(value: float) -> None:
    assert value_of(key_of(value)) == value


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30))
def test_keys_are_in_the_order_of_values(values: list[float]) -> None:
    assert [key_of(value) for value in sorted(values)] == sorted(key_of(value) for value in values)


def test_whole_numbers_of_few_values_are_counted_exactly() -> None:
    histogram = profile([float(hour) for hour in range(24)] * 10)["histogram"]
    assert histogram == {"dropped_bits": 0, "lower": [float(hour) for hour in range(24)], "counts": [10] * 24}


def test_a_histogram_has_at_most_so_many_buckets_and_loses_no_value() -> None:
    values = np.random.default_rng(1).normal(0, 1e6, 50_000)
    histogram = profile(values, pieces=7)["histogram"]
    assert len(histogram["lower"]) <= MOST_BUCKETS
    assert sum(histogram["counts"]) == len(values)
    assert histogram["lower"] == sorted(histogram["lower"])


def test_figures_are_those_of_numpy() -> None:
    values = np.random.default_rng(2).normal(1e6, 3, 10_000)
    made = profile(values, pieces=9)
    assert made["mean"] == pytest.approx(values.mean())
    assert made["std"] == pytest.approx(values.std())
    assert (made["min"], made["max"], made["count"]) == (values.min(), values.max(), 10_000)


def test_missing_and_infinite_values_are_counted_apart() -> None:
    made = profile([1.0, math.nan, math.inf, -math.inf])
    assert (made["count"], made["nulls"], made["infinite"], made["mean"]) == (4, 1, 2, 1.0)


def test_text_is_counted_until_it_has_too_many_values() -> None:
    assert text_profile(["a", "b", "a", None])["categories"] == {"a": 2, "b": 1}
    assert text_profile([str(number) for number in range(500)])["categories"] is None
    halves = [text_profile([str(number) for number in range(start, start + 150)]) for start in (0, 150)]
    assert merge(*halves)["categories"] is None
    assert merge(text_profile(["a"]), text_profile(["a", "b"]))["categories"] == {"a": 2, "b": 1}


def test_the_index_is_small_for_the_same_distribution_and_large_for_another() -> None:
    random = np.random.default_rng(3)
    earlier, again = (profile(random.gamma(2, 10, 5_000)) for _ in range(2))
    assert population_stability_index(earlier, earlier) == 0
    assert population_stability_index(earlier, again) < 0.02  # type: ignore[operator]
    assert population_stability_index(earlier, profile(random.gamma(2, 13, 5_000))) > 0.1  # type: ignore[operator]
    assert population_stability_index(earlier, profile(np.full(100, 1e9))) > 5  # type: ignore[operator]


def test_the_index_agrees_with_its_formula_over_the_baselines_deciles() -> None:
    random = np.random.default_rng(4)
    earlier, now = random.normal(0, 1, 40_000), random.normal(0.4, 1.2, 40_000)
    edges = np.quantile(earlier, np.linspace(0.1, 0.9, 9))
    q, p = (np.bincount(np.searchsorted(edges, values), minlength=10) / 40_000 for values in (earlier, now))
    expected = float(((p - q) * np.log(p / q)).sum())
    assert population_stability_index(profile(earlier), profile(now)) == pytest.approx(expected, rel=0.2)


def test_values_that_are_missing_now_move_the_index() -> None:
    values = list(np.arange(100.0))
    assert population_stability_index(profile(values), profile([*values[:50], *[math.nan] * 50])) > 1  # type: ignore[operator]


def test_text_has_an_index_by_category_and_text_and_numbers_have_none() -> None:
    assert population_stability_index(text_profile(["a", "b"]), text_profile(["b", "a"])) == 0
    assert population_stability_index(text_profile(["a"] * 9 + ["b"]), text_profile(["c"] * 10)) > 1  # type: ignore[operator]
    assert population_stability_index(text_profile(["a"]), profile([1.0])) is None
    assert population_stability_index(profile([]), profile([1.0])) is None
