"""app.py: which stacks there are, and what it says about names that are not in platform.yaml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import build_app
from mlplatform.config import PlatformConfigError
from tests.conftest import REPOSITORY, Synthesized

CONFIG = """\
organization: example
environments:
  dev: {account: "123456789012", region: us-east-1}
projects:
  - {name: alpha, owner: a@example.com, definition: "tests.synth.definitions:define", environments: [dev]}
  - {name: beta, owner: b@example.com, definition: "tests.synth.definitions:define", environments: [dev]}
"""


def config_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "platform.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def stacks(context: dict[str, object], tmp_path: Path) -> set[str]:
    return {child.node.id for child in build_app(context, outdir=str(tmp_path / "out")).node.children} - {"Tree"}


def test_there_is_one_stack_per_lifecycle(synthesized: Synthesized) -> None:
    prefix = f"mlp-{synthesized.environment}"
    assert set(synthesized.templates) == {
        f"{prefix}-network",
        f"{prefix}-training-environment",
        f"{prefix}-experiment-store",
        f"{prefix}-project-demand-forecast",
    }


def test_an_environment_without_a_network_has_no_network_stack(tmp_path: Path) -> None:
    found = stacks({"config": config_file(tmp_path, CONFIG)}, tmp_path)
    assert found == {"mlp-dev-experiment-store", "mlp-dev-project-alpha", "mlp-dev-project-beta"}


def test_projects_can_be_picked(tmp_path: Path) -> None:
    found = stacks({"config": config_file(tmp_path, CONFIG), "projects": "beta, "}, tmp_path)
    assert found == {"mlp-dev-experiment-store", "mlp-dev-project-beta"}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"environment": "prd"}, "no environment is named 'prd', did you mean 'prod'? (known: dev, prod)"),
        ({"projects": "demand"}, "no project in dev is named 'demand'"),
        ({"projects": ""}, "-c projects= names no project"),
        ({"config": "/nowhere.yaml"}, "/nowhere.yaml does not exist"),
    ],
)
def test_a_name_that_is_not_in_the_file_is_answered_with_those_that_are(
    context: dict[str, object], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(PlatformConfigError) as raised:
        build_app(context, outdir=str(tmp_path))
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("nowhere.project:define", "there is no module 'nowhere'; check the name, or install the package"),
        ("tests.nowhere:define", "there is no module 'tests.nowhere'"),
        ("tests.synth.definitions:defin", "has no 'defin'; define it as a function that takes an MlProject"),
        ("tests.synth.definitions:NOT_A_FUNCTION", "is a str; make it a function"),
    ],
)
def test_definitions_that_do_not_exist_are_all_listed(definition: str, expected: str, tmp_path: Path) -> None:
    file = config_file(tmp_path, CONFIG.replace("tests.synth.definitions:define", definition))
    with pytest.raises(PlatformConfigError) as raised:
        build_app({"config": file}, outdir=str(tmp_path))
    assert len(raised.value.problems) == 2
    assert all(expected in problem for problem in raised.value.problems)


def test_a_project_whose_module_cannot_import_something_says_what(tmp_path: Path) -> None:
    file = config_file(
        tmp_path, CONFIG.replace("tests.synth.definitions:define", "tests.synth.broken_definition:define")
    )
    with pytest.raises(ModuleNotFoundError, match="a_package_that_nobody_has"):
        build_app({"config": file}, outdir=str(tmp_path))


def test_a_mistake_ends_the_script_with_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=tmp_path,
        env={**os.environ, "CDK_CONTEXT_JSON": '{"environment": "qa"}', "CDK_OUTDIR": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 1
    assert completed.stderr.strip() == "no environment is named 'qa' (known: dev, prod)"
