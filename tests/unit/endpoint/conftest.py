"""One synthesized project with endpoints of every kind, shared by the tests that only read it."""

from __future__ import annotations

import pytest
from aws_cdk import App

from mlplatform import MlProject
from tests.unit.endpoint.endpoints import project_of, synthesize_all
from tests.unit.pipeline.synthesis import Synthesized


@pytest.fixture(scope="session")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize_all(tmp_path_factory.mktemp("endpoints"))


@pytest.fixture
def project() -> MlProject:
    return project_of(App(analytics_reporting=False))
