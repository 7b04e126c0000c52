"""Imports run one way; the contracts stand in .importlinter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


def test_imports_run_one_way() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    completed = subprocess.run(
        [str(lint_imports), "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_nothing_in_constructs_hides_the_distribution_of_that_name() -> None:
    """With a constructs/__init__.py, `import constructs` finds it instead of the CDK's, and every CDK import fails."""
    assert not (REPOSITORY / "constructs" / "__init__.py").exists()


def runtime_files() -> list[Path]:
    """Code that runs in AWS: Lambda handlers and container scripts, beside the constructs that deploy it."""
    return sorted((REPOSITORY / "constructs").glob("**/runtime/**/*.py"))


LIBRARIES = REPOSITORY / "constructs/mlplatform/pipeline/runtime/libraries"
"""What functions of several kinds of pipelines import, one package each."""


def imported_packages(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("file", runtime_files(), ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_code_that_runs_in_aws_imports_neither_the_cdk_nor_the_library(file: Path) -> None:
    assert imported_packages(file).isdisjoint(
        {"aws_cdk", "constructs", "mlplatform", "mlpipelines", "mllocal", "stacks"}
    )


@pytest.mark.parametrize("file", sorted(LIBRARIES.rglob("*.py")), ids=lambda file: str(file.relative_to(LIBRARIES)))
def test_what_functions_of_pipelines_share_knows_none_of_the_pipelines(file: Path) -> None:
    below = {"mlrecords", "mlscaling", "botocore"} | {package.name for package in LIBRARIES.iterdir()}
    assert imported_packages(file) - sys.stdlib_module_names <= below
