"""The offline session where the SDK is not installed; tests/conformance has it where it is."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from aws_cdk import App, Stack

from mlplatform import MlProject
from mlplatform.pipeline.imported_session import OfflineSessionError, offline_session, uploads_of
from tests.unit.pipeline.synthesis import new_project

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.skipif(importlib.util.find_spec("sagemaker") is not None, reason="the sagemaker SDK is installed here")
def test_without_the_sdk_the_error_says_what_to_install() -> None:
    with pytest.raises(OfflineSessionError, match=r"install mlplatform\[sagemaker\]"):
        offline_session(new_project(App(analytics_reporting=False)))


def test_importing_the_library_imports_no_sdk() -> None:
    code = "import mlplatform, sys; sys.exit('sagemaker' in sys.modules or 'boto3' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_stack_without_a_region_is_refused() -> None:
    stack = Stack(App(analytics_reporting=False), "anywhere")
    project = MlProject(stack, "Project", name="demo", owner="team@example.com")

    with pytest.raises(OfflineSessionError, match="this stack's region is not known"):
        offline_session(project)


@pytest.mark.parametrize(
    "pipeline",
    [{}, SimpleNamespace(), SimpleNamespace(sagemaker_session=SimpleNamespace(uploads=3))],
    ids=["definition", "no session", "another session"],
)
def test_what_has_no_offline_session_has_uploaded_nothing(pipeline: object) -> None:
    assert uploads_of(pipeline) == {}


def test_the_documentation_shows_the_example_as_it_is() -> None:
    page = (REPOSITORY / "docs" / "bring-your-own.md").read_text()
    example = (REPOSITORY / "examples" / "bring_your_own" / "project.py").read_text()

    assert f"```python\n{example}```" in page
