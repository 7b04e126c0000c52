"""`mlplatform` imports what is asked for: scripts that are tracked have no CDK, and everybody finds every name."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mlplatform

WITHOUT_CDK = """
import sys
from importlib.abc import MetaPathFinder

class NoCdk(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"aws_cdk", "constructs", "jsii"}:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, NoCdk())
"""


def declared() -> dict[str, str]:
    """What type checkers see: the module of each name."""
    tree = ast.parse(Path(mlplatform.__file__).read_text())
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_track_is_there_where_the_cdk_cannot_be_imported() -> None:
    code = f"{WITHOUT_CDK}\nfrom mlplatform import Run, TrackError, track\nassert callable(track)\n"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_track_starts_neither_the_cdk_nor_mlflow() -> None:
    code = (
        "import sys\nfrom mlplatform import track\nprint({'aws_cdk', 'jsii', 'mlflow', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_name_is_what_type_checkers_see() -> None:
    assert sorted(mlplatform.__all__) == sorted(declared())
    for name, module in declared().items():
        assert getattr(mlplatform, name) is getattr(import_module(module), name), name
    assert set(mlplatform.__all__) <= set(dir(mlplatform))


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'mlplatform' has no attribute 'Nothing'"):
        mlplatform.Nothing  # type: ignore[attr-defined] # noqa: B018
