"""500 random valid definitions on the embedded AWS, each against a second reading of SageMaker's documentation."""

from __future__ import annotations

import json

import pytest

from tests.local.random_definitions.comparison import differences
from tests.local.random_definitions.definitions import Scenario, scenarios
from tests.local.random_definitions.examples import check
from tests.local.random_definitions.laboratory import Laboratory


def test_random_definitions_run_as_the_reference_says(laboratory: Laboratory, request: pytest.FixtureRequest) -> None:
    def problems_of(scenario: Scenario) -> list[str]:
        return differences(laboratory, scenario, json.dumps(scenario.definition))

    check(scenarios(), problems_of, request.node.nodeid)
