"""The demonstration's line about what the platform did by itself."""

from __future__ import annotations

from typing import Any

import pytest

from examples.demand_forecast.demo import looked_after
from examples.demand_forecast.demo_aws import Execution

MANIFEST = {"run_id": "2011-12-12T080000Z", "output": {"set_aside": 2}}
PLANNED = {"instance_type": "ml.m5.large", "instance_count": "1"}


@pytest.mark.parametrize(
    ("cost", "drift", "said"),
    [
        (0.00021, {"largest": None, "against": None}, "0.0002 USD at list prices, no earlier run of this model"),
        (None, {"largest": 0.031, "against": "r1"}, "cost unknown, predictions moved by 0.03 (PSI) against run r1"),
    ],
)
def test_it_says_what_is_known(cost: float | None, drift: dict[str, Any], said: str) -> None:
    answers = [{"Name": name, "Value": value} for name, value in PLANNED.items()]
    execution = Execution(arn="arn", steps={"PlanScoring": {"Lambda": {"OutputParameters": answers}}})

    line = looked_after(MANIFEST, {"cost_usd": cost, "drift": {"predictions": drift}}, execution)

    assert line.startswith("run 2011-12-12T080000Z: scored on 1 ml.m5.large, 2 rows set aside")
    assert said in line
