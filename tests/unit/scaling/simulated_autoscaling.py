"""Application Auto Scaling in simulated time: one target's minimum, and the scheduled actions that change it.

The embedded AWS has none to run a function against for days. As the API reference has it (`PutScheduledAction`,
`DescribeScheduledActions`, `DeleteScheduledAction`), and stricter where it says nothing: it refuses a time that is over, runs actions of
one time in either order, and lists those that are done until somebody deletes them.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

PAGE = 3


class KilledError(Exception):
    """The function died."""


class ObjectNotFoundException(Exception):  # noqa: N818 - as boto3 calls it
    """No action of that name."""


class ValidationException(Exception):  # noqa: N818
    """An action that cannot be."""


@dataclass
class Action:
    at: datetime
    minimum: int
    done: bool = False


@dataclass
class SimulatedAutoScaling:
    """It has the methods of a boto3 client that a function calls. `dies_after` so many calls, the caller is killed."""

    minimum: int
    now: datetime
    order: random.Random
    found: dict[str, Action] = field(default_factory=dict)
    dies_after: int | None = None
    calls: int = 0
    exceptions = SimpleNamespace(ObjectNotFoundException=ObjectNotFoundException)

    def put_scheduled_action(self, **request: Any) -> dict[str, Any]:
        self._call()
        at = datetime.strptime(request["Schedule"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
        if at <= self.now or request["Timezone"] != "UTC":
            raise ValidationException(f"{request} at {self.now}")
        self.found[request["ScheduledActionName"]] = Action(at, request["ScalableTargetAction"]["MinCapacity"])
        return {}

    def delete_scheduled_action(self, **request: Any) -> dict[str, Any]:
        self._call()
        if self.found.pop(request["ScheduledActionName"], None) is None:
            raise ObjectNotFoundException
        return {}

    def describe_scheduled_actions(self, **request: Any) -> dict[str, Any]:
        first = int(request.get("NextToken", 0))
        names = sorted(self.found)
        page = [
            {
                **{key: request[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")},
                "ScheduledActionName": name,
                "ScheduledActionARN": f"arn:aws:autoscaling:us-east-1:123456789012:scheduledAction:{name}",
                "Schedule": f"at({self.found[name].at:%Y-%m-%dT%H:%M:%S})",
                "ScalableTargetAction": {"MinCapacity": self.found[name].minimum},
                "CreationTime": self.now.timestamp(),
            }
            for name in names[first : first + PAGE]
        ]
        more = {"NextToken": str(first + PAGE)} if first + PAGE < len(names) else {}
        return {"ScheduledActions": page, **more}

    def get_paginator(self, operation: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            token: dict[str, str] = {}
            while True:
                page = getattr(self, operation)(**request, **token)
                yield page
                if "NextToken" not in page:
                    return
                token = {"NextToken": page["NextToken"]}

        return SimpleNamespace(paginate=paginate)

    def wait_until(self, moment: datetime) -> None:
        """Time passes, and actions are run."""
        due = [one for one in self.found.values() if not one.done and one.at <= moment]
        self.order.shuffle(due)
        for action in sorted(due, key=lambda one: one.at):
            self.minimum, action.done = action.minimum, True
        self.now = moment

    def minutes(self, until: datetime) -> Iterator[tuple[datetime, int]]:
        """Each minute, and the minimum in it."""
        while self.now < until:
            self.wait_until(self.now + timedelta(minutes=1))
            yield self.now, self.minimum

    def _call(self) -> None:
        if self.dies_after is not None and self.calls >= self.dies_after:
            raise KilledError
        self.calls += 1


@contextmanager
def served(simulated: SimulatedAutoScaling) -> Iterator[str]:
    """The same for boto3: its URL, where it speaks JSON 1.1 as Application Auto Scaling does."""
    operations = {
        "PutScheduledAction": simulated.put_scheduled_action,
        "DeleteScheduledAction": simulated.delete_scheduled_action,
        "DescribeScheduledActions": simulated.describe_scheduled_actions,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].removeprefix("AnyScaleFrontendService.")
            try:
                self._answer(200, operations[operation](**request))
            except (ObjectNotFoundException, ValidationException) as error:
                self._answer(400, {"__type": type(error).__name__, "message": str(error)})

        def _answer(self, status: int, document: Mapping[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
