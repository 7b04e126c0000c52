"""Kernel SHAP against Shapley values calculated by hand, and against their definition for random games."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllocal.images.inside.mlp_clarify.shapley import Coalitions

Game = Callable[[tuple[bool, ...]], float]


def kernel(game: Game, features: int, samples: int = 100) -> list[float]:
    """The values of a game by kernel SHAP."""
    coalitions = Coalitions.of(features, samples, seed=1)
    scores = numpy.array([[game(tuple(row))] for row in coalitions.members.tolist()]).reshape(-1, 1)
    full, empty = (numpy.array([game((member,) * features)]) for member in (True, False))
    values: list[float] = coalitions.values(scores, full, empty)[:, 0].tolist()
    return values


def by_definition(game: Game, features: int) -> list[float]:
    """What each feature adds, as the mean over all orders of features."""
    added = [0.0] * features
    for order in itertools.permutations(range(features)):
        members = [False] * features
        for feature in order:
            before = game(tuple(members))
            members[feature] = True
            added[feature] += game(tuple(members)) - before
    return [value / math.factorial(features) for value in added]


def test_features_of_a_sum_get_their_own_terms() -> None:
    assert kernel(lambda members: 2.0 * members[0] - 3.0 * members[1] + 7.0, 2) == pytest.approx([2.0, -3.0])


def test_an_interaction_is_shared_evenly() -> None:
    values = kernel(lambda members: 6.0 * (members[0] and members[1]) + 1.0 * members[2], 3)

    assert values == pytest.approx([3.0, 3.0, 1.0])


def test_a_single_feature_gets_everything() -> None:
    assert kernel(lambda members: 5.0 * members[0] + 1.0, 1) == pytest.approx([5.0])


@given(st.lists(st.floats(-10, 10), min_size=16, max_size=16))
def test_with_every_coalition_the_values_are_those_of_the_definition(outcomes: list[float]) -> None:
    def game(members: tuple[bool, ...]) -> float:
        return outcomes[sum(member << place for place, member in enumerate(members))]

    assert kernel(game, 4) == pytest.approx(by_definition(game, 4), abs=1e-6)


def test_a_sample_of_coalitions_keeps_the_total_and_finds_a_sum() -> None:
    weights = [float(number) for number in range(12)]

    values = kernel(lambda members: sum(w * m for w, m in zip(weights, members, strict=True)), 12, samples=200)

    assert values == pytest.approx(weights, abs=1e-6)
