"""CloudFormation waits for the controller's first look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runs import controller
from tests.unit.batch_inference.runs.world import World
from tests.unit.custom_resources import CloudFormation, waiting_cloudformation


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with waiting_cloudformation() as waiting:
        yield waiting


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    monkeypatch.setattr(controller, "_controller", lambda _: found.controller())
    return found


def test_a_deployment_has_the_controller_measure_and_the_age_of_the_output_counts_from_then(
    world: World, cloudformation: CloudFormation
) -> None:
    controller.handler(cloudformation.event("Create"), None)

    (age,) = (value for name, value in world.metrics if name == "OutputAgeSeconds")
    assert age < 60
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]


def test_a_controller_that_cannot_look_does_not_hold_the_deployment_up(
    world: World, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(data: dict[str, Any]) -> None:
        raise PermissionError("put no metrics")

    monkeypatch.setattr(world, "_put_metrics", refuse)
    with pytest.raises(PermissionError):
        controller.handler(cloudformation.event("Create"), None)

    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]


def test_nothing_is_looked_at_when_the_pipeline_is_deleted(world: World, cloudformation: CloudFormation) -> None:
    assert controller.handler(cloudformation.event("Delete"), None) == {}

    assert (world.objects, world.metrics) == ({}, [])
    assert [answer["LogicalResourceId"] for answer in cloudformation.answers] == ["Resource"]
