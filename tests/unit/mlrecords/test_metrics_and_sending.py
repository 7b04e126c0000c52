from __future__ import annotations

import random
from itertools import pairwise

import pytest

from mlrecords.metrics import MOST_STEPS, metric_of
from mlrecords.observations import Observation, fold, merged, order_of
from mlrecords.sending import TooLargeError, parts_of

RUN = "0" * 32


def test_the_last_step_is_the_value_and_of_two_at_one_step_the_later_one() -> None:
    metric = metric_of([(0, 3.0), (2, 1.0), (1, 2.0), (2, 0.5)])
    assert metric is not None
    assert (metric.value, dict(metric.steps)) == (0.5, {"0": 3.0, "1": 2.0, "2": 0.5})


def test_a_single_value_has_no_steps() -> None:
    metric = metric_of([(4, 1.5)])
    assert metric is not None
    assert (metric.value, dict(metric.steps)) == (1.5, {})


def test_what_is_not_finite_is_left_out() -> None:
    assert metric_of([(0, float("nan")), (1, float("inf"))]) is None
    metric = metric_of([(0, 1.0), (1, float("nan"))])
    assert metric is not None
    assert metric.value == 1.0


def test_of_many_steps_a_thousand_are_kept_with_the_first_and_the_last() -> None:
    metric = metric_of((step, step / 7) for step in range(12_345))
    assert metric is not None
    steps = [int(step) for step in metric.steps]
    assert len(steps) == MOST_STEPS
    assert (steps[0], steps[-1]) == (0, 12_344)
    gaps = [right - left for left, right in pairwise(steps)]
    assert max(gaps) - min(gaps) <= 1


def test_parts_are_as_small_as_asked_and_fold_to_the_whole() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    facts = {
        "identity": {"kind": "script", "name": "x"},
        "status": {"state": "InProgress"},
        "metrics": {
            f"m{number}": {"value": 1.0, "steps": {str(step): rng.random() for step in range(rng.randrange(200))}}
            for number in range(20)
        },
        "tags": {f"tag-{number}": "ä" * rng.randrange(90) for number in range(20)},
    }
    whole = Observation(run_id=RUN, source="track", order=order_of(1), facts=facts)

    parts = list(parts_of(whole, most_bytes=1500))

    assert len(parts) > 10
    assert all(len(repr(part.facts)) < 2500 for part in parts)
    folded = fold(RUN, parts)
    assert folded is not None
    assert {name: folded[name] for name in facts} == merged({}, facts)


def test_a_text_that_is_too_large_is_named() -> None:
    one = Observation(run_id=RUN, source="track", order=order_of(1), facts={"tags": {"a": "b", "long": "x" * 5000}})
    with pytest.raises(TooLargeError, match=rf"{RUN}.tags.long has 50\d\d bytes, and an event takes 1000"):
        list(parts_of(one, most_bytes=1000))
