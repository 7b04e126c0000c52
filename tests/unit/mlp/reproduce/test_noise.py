"""The tolerance of a metric is what its repeats say."""

from __future__ import annotations

import random

import pytest

from mlp.reproduce.noise import FALSE_ALARMS, REPEATS, interval, student_quantile_4


@pytest.mark.parametrize(("probability", "quantile"), [(0.9, 1.533), (0.975, 2.776), (0.995, 4.604), (0.9995, 8.610)])
def test_the_quantile_is_that_of_the_tables(probability: float, quantile: float) -> None:
    """NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, row 4; the last one from the same distribution."""
    assert student_quantile_4(probability) == pytest.approx(quantile, abs=5e-4)


def test_repeats_that_are_equal_leave_no_tolerance() -> None:
    found = interval([0.25] * REPEATS, metrics=3)
    assert found.holds(0.25)
    assert not found.holds(0.25 + 1e-16 * 4)


def test_a_run_that_is_the_same_is_called_different_as_often_as_is_said() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    generator = random.Random(seed)
    runs = 20_000
    wrong = 0
    for _ in range(runs):
        *repeats, recorded = (generator.gauss(40, 2) for _ in range(REPEATS + 1))
        wrong += not interval(repeats, metrics=1).holds(recorded)
    expected = runs * FALSE_ALARMS
    assert abs(wrong - expected) < 6 * expected**0.5


def test_more_metrics_are_judged_more_leniently_each_so_that_they_are_as_strict_together() -> None:
    repeats = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert interval(repeats, metrics=10).half_width > interval(repeats, metrics=1).half_width
