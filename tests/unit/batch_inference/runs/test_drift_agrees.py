"""The function that publishes has no NumPy, so it merges and compares profiles itself: as the jobs do."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from batch_jobs import profiles
from hypothesis import given, settings
from hypothesis import strategies as st

from runs import drift

_NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 20).map(float)), min_size=1, max_size=60)
_WORDS = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d"])), min_size=1, max_size=60)


def profile_of(values: list[Any], kind: pa.DataType) -> dict[str, Any]:
    found = profiles.ColumnProfile(numeric=pa.types.is_floating(kind))
    found.add(pa.chunked_array([pa.array(values, kind)]))
    document: dict[str, Any] = found.to_json()
    return document


@settings(max_examples=100, deadline=None)
@given(
    values=st.one_of(
        st.tuples(_NUMBERS, _NUMBERS, st.just(pa.float64())), st.tuples(_WORDS, _WORDS, st.just(pa.string()))
    )
)
def test_the_function_merges_and_compares_as_the_jobs_do(values: tuple[list[Any], list[Any], pa.DataType]) -> None:
    one, other = (profile_of(side, values[2]) for side in values[:2])

    ours, theirs = drift.merge(one, other), profiles.merge(one, other)

    assert set(theirs) - set(ours) <= {"m2", "std"}, "which only later merging needs"
    assert ours == {
        name: pytest.approx(theirs[name]) if isinstance(ours[name], float) else theirs[name] for name in ours
    }
    assert drift.population_stability_index(one, other) == pytest.approx(
        profiles.population_stability_index(one, other)
    )
