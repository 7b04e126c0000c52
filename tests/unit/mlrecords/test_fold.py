"""A record is a pure function of what was seen of a run, in whatever order and however often."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrecords.codec import InvalidDocumentError
from mlrecords.observations import Observation, fold, merged, record_of
from tests.unit.mlrecords.observed import RUN, seen, state


def folded(*observations: Observation) -> dict[str, Any]:
    document = fold(RUN, observations)
    assert document is not None
    return document


def test_the_later_statement_counts() -> None:
    record = record_of(folded(state(2, "Completed"), state(1, "InProgress", started_at="2026-11-24T08:00:00+00:00")))
    assert record.status.state == "Completed"
    assert record.status.started_at is not None


def test_the_earlier_pin_counts_since_tags_move() -> None:
    image = {"uri": "registry/image:latest"}
    first = seen(1, is_pin=True, environment={"image": {**image, "digest": "sha256:1"}})
    second = seen(5, is_pin=True, environment={"image": {**image, "digest": "sha256:2"}})
    record = record_of(folded(state(1, "InProgress"), second, first, state(6, "Completed")))
    assert record.environment.image is not None
    assert record.environment.image.digest == "sha256:1"


def test_nothing_said_erases_nothing() -> None:
    assert merged({"a": {"b": 1}}, {"a": {"b": None, "c": 2}}) == {"a": {"b": 1, "c": 2}}


def test_there_is_no_record_until_somebody_says_what_the_run_is() -> None:
    assert fold(RUN, [seen(1, tags={"project": "demo"})]) is None


def test_the_same_fact_from_two_sources_is_one_observation() -> None:
    twice = (seen(1, source="event", tags={"a": "b"}), seen(1, source="reconciliation", tags={"a": "b"}))
    assert len(folded(state(1, "InProgress"), *twice)["observations"]) == 2


def test_what_is_no_record_is_told_with_every_problem() -> None:
    wrong = folded(state(1, "InProgress"), seen(1, metrics={"rmse": {"value": "low"}}, mood="good"))
    with pytest.raises(InvalidDocumentError, match=r"mood.*metrics\.rmse\.value is 'low'; it has to be a number"):
        record_of(wrong)


_FACTS = st.fixed_dictionaries(
    {}, optional={name: st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y"])) for name in ("tags",)}
)
_SEEN = st.builds(
    lambda second, pin, facts: seen(second, is_pin=pin, **facts), st.integers(0, 3), st.booleans(), _FACTS
)


@given(st.lists(_SEEN, max_size=6).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found * 2))))
def test_repeats_and_order_of_arrival_change_nothing(case: tuple[list[Observation], list[Observation]]) -> None:
    found, arrived = case
    assert fold(RUN, [state(1, "InProgress"), *found]) == fold(RUN, [*arrived, state(1, "InProgress")])
