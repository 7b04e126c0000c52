"""A stack for a project, and its template as plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from tests.unit.project.templates import synthesize

ENV = Environment(account="123456789012", region="us-east-1")


@pytest.fixture
def stack() -> Stack:
    """An empty stack whose account and region are known."""
    return Stack(App(context={"@aws-cdk/core:enablePartitionLiterals": True}), "Stack", env=ENV)


@pytest.fixture
def template(stack: Stack) -> Callable[[], dict[str, Any]]:
    """Synthesize the stack when everything is in it."""
    return lambda: dict(Template.from_stack(stack).to_json())


@pytest.fixture(scope="session")
def default() -> dict[str, Any]:
    """The template of a project with nothing but a name and an owner."""
    return synthesize()[1]
