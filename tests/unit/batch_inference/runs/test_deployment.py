"""CloudFormation waits for the controller's first look."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from runs import controller
from tests.unit.batch_inference.runs.world import World


@dataclass
class CloudFormation:
    """Whoever waits for the answer of a custom resource."""

    url: str
    answers: list[dict[str, Any]] = field(default_factory=list)

    def event(self, request: str) -> dict[str, Any]:
        named = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "FirstLook"}
        return {"RequestType": request, "ResponseURL": self.url, **named}


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    answers: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield CloudFormation(f"http://127.0.0.1:{server.server_port}/", answers)
    server.shutdown()
    thread.join()
    server.server_close()


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
    assert [answer["LogicalResourceId"] for answer in cloudformation.answers] == ["FirstLook"]
