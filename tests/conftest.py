"""Session-wide set-up: one synthesized app per environment, shared by every test that only reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

REPOSITORY = Path(__file__).parents[1]
_NODE = Path(sys.executable).with_name("node")

# Read by aws_cdk and jsii when they are imported. The CDK's own validation takes seconds per app; cfn-lint and checkov,
# which tests/synth runs on the same templates, find more.
os.environ.setdefault("CDK_VALIDATION", "false")
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))

if TYPE_CHECKING:
    from aws_cdk import App

Template = dict[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """An app after synthesis: the construct tree, and the directory with its templates and assets."""

    environment: str
    app: App
    directory: Path

    @cached_property
    def templates(self) -> dict[str, Template]:
        """Templates by stack name."""
        suffix = ".template.json"
        return {
            path.name.removesuffix(suffix): json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(self.directory.glob(f"*{suffix}"))
        }

    def resources(self, *types: str) -> Iterator[tuple[str, str, Template]]:
        """`(stack, logical id, resource)` of all resources, or of those with one of `types`."""
        for stack, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if not types or resource["Type"] in types:
                    yield stack, logical_id, resource


def synthesize(environment: str, directory: Path) -> Synthesized:
    from app import build_app

    app = build_app({"environment": environment}, outdir=str(directory))
    app.synth()
    return Synthesized(environment=environment, app=app, directory=directory)


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The environment dev of the repository's own platform.yaml."""
    return synthesize("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The environment prod of the repository's own platform.yaml."""
    return synthesize("prod", tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="session", params=["dev", "prod"])
def synthesized(request: pytest.FixtureRequest) -> Synthesized:
    """Every environment in turn."""
    environment: Synthesized = request.getfixturevalue(request.param)
    return environment
