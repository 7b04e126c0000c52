"""Two synthesized pipelines, shared by the tests that only read them."""

from __future__ import annotations

import pytest
from aws_cdk import App

from mlplatform import MlProject, SourceDirectory
from tests.unit.batch_inference.two_pipelines import FULL, PLAIN, synthesize_both
from tests.unit.pipeline.synthesis import Json, Synthesized, new_project


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceDirectory:
    directory = tmp_path_factory.mktemp("jobs")
    (directory / "prepare.py").write_text("print('hello')\n")
    return SourceDirectory(directory)


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    return synthesize_both(tmp_path_factory.mktemp("out"), source)


@pytest.fixture(scope="module")
def steps(both: Synthesized) -> dict[str, Json]:
    return both.steps(PLAIN)


@pytest.fixture(scope="module")
def all_steps(both: Synthesized) -> dict[str, Json]:
    return both.steps(FULL)


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))
