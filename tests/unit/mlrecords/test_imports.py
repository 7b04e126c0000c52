"""Observations on their way into another store: as few events as they fit into, each of one run."""

from __future__ import annotations

import json
import random

import pytest

from mlrecords.observations import Observation, order_of
from mlrecords.sending import MOST_BYTES, TooLargeError, imported, imports_of


def observed(number: int, text: str) -> Observation:
    return Observation(run_id="a" * 32, source="event", order=order_of(number), facts={"tags": {str(number): text}})


def test_many_observations_go_in_as_few_events_as_they_fit_into() -> None:
    chance = random.Random(7)
    observations = [observed(number, chance.randbytes(30_000).hex()) for number in range(20)]
    details = imports_of(observations)
    assert 1 < len(details) < 10
    assert all(len(json.dumps(detail)) < MOST_BYTES + 1000 for detail in details)
    assert [one for detail in details for one in imported(detail)] == observations
    with pytest.raises(TooLargeError, match="too many for an event"):
        imports_of([observed(1, chance.randbytes(300_000).hex())])


def test_an_import_of_several_runs_or_of_endless_content_is_not_taken() -> None:
    (detail,) = imports_of([observed(1, "x")])
    with pytest.raises(ValueError, match="observations of other runs"):
        imported({**detail, "run_id": "b" * 32})
    with pytest.raises(ValueError, match="or not all of them"):
        imported({**detail, "observations": detail["observations"][:40]})
