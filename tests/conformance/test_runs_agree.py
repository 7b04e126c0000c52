"""What `BatchInference` deploys is what the SDK renders for the same pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplatform import SourceDirectory
from mlplatform.pipeline.imported_session import make_session
from tests.conformance.agreement import differences, normal
from tests.conformance.sdk import REGION
from tests.conformance.sdk_runs_twin import Given, Twin
from tests.unit.batch_inference.two_pipelines import FULL, synthesize_both

Json = dict[str, Any]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, Json]:
    """Ours as it is deployed, and the SDK's."""
    jobs: Path = tmp_path_factory.mktemp("jobs")
    (jobs / "prepare.py").write_text("print('hello')\n")
    synthesized = synthesize_both(tmp_path_factory.mktemp("out"), SourceDirectory(jobs))
    twin = Twin(make_session(REGION, "demo"), Given(synthesized.steps(FULL)))
    return synthesized.definition(FULL), json.loads(twin.pipeline(FULL).definition())


def test_every_step_of_a_run_is_as_the_sdk_renders_it(twins: tuple[Json, Json]) -> None:
    ours, theirs = map(normal, twins)
    assert list(differences(ours["Steps"], theirs["Steps"])) == []


def test_parameters_are_as_the_sdk_renders_them(twins: tuple[Json, Json]) -> None:
    ours, theirs = (
        [{**it, "DefaultValue": None} if it["Name"] == "InputUri" else it for it in twin["Parameters"]]
        for twin in twins
    )
    assert ours == theirs
