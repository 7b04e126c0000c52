"""InvokeEndpoint: which instance answers, what shadows get, which errors a client sees, and what is measured.

Source: Amazon SageMaker AI Runtime API reference, "InvokeEndpoint".
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from mllocal.endpoints.capture import Capture, CaptureFiles, Part
from mllocal.endpoints.fleet import VariantFleet
from mllocal.endpoints.instance import Instance, NoAnswerError, Reply
from mllocal.endpoints.measurements import Measurements
from mllocal.s3 import S3Uri
from mllocal.sagemaker.store import Scope

MOST_BYTES = 6_291_456
CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
COMPONENT = "x-amzn-sagemaker-inference-component"
_MODEL_ERROR = 424
_BAD_GATEWAY = Reply(HTTPStatus.BAD_GATEWAY, {}, b"502 Bad Gateway")
_PASSED_ON = ("content-type", "accept", CUSTOM_ATTRIBUTES, "x-amzn-sagemaker-inference-id")


class Serving(Protocol):
    """What a request goes to: the fleet of an endpoint, or an inference component."""

    @property
    def is_retired(self) -> bool: ...

    @property
    def capture(self) -> Capture | None: ...

    @property
    def metric_period_seconds(self) -> float: ...

    @property
    def production(self) -> Mapping[str, VariantFleet]: ...

    @property
    def shadows(self) -> Mapping[str, VariantFleet]: ...

    def choose(self, target_variant: str | None) -> VariantFleet | None: ...


class FleetRetiredError(Exception):
    """Another fleet has taken this one's place since it was chosen."""


class InvocationRefusedError(Exception):
    """An error answer of the runtime's API: its code, HTTP status, message and other members."""

    def __init__(self, code: str, status: int, message: str, **members: object) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.members = {"Message": message, **members}


@dataclass(frozen=True)
class Call:
    """A request to an endpoint. Header names are in lower case."""

    scope: Scope
    endpoint: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def passed_on(self) -> dict[str, str]:
        """The headers that the container gets."""
        return {name: self.headers[name] for name in _PASSED_ON if name in self.headers}


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Invocation:
    """One request on its way through a fleet."""

    call: Call
    fleet: Serving
    measurements: Measurements
    captured: CaptureFiles
    began: float = field(default_factory=time.monotonic)

    def run(self) -> Answer:
        """Answer it. Raises `InvocationRefusedError`, or `FleetRetiredError` for it to be tried again."""
        if len(self.call.body) > MOST_BYTES:
            raise refused(f"Request {len(self.call.body)} bytes is too large: the payload limit is {MOST_BYTES}.")
        name = self.call.headers.get(TARGET_VARIANT)
        variant = self.fleet.choose(name)
        if variant is None:
            raise refused(f"Variant {name} not found for Request.")
        return self._answer(variant)

    def _answer(self, variant: VariantFleet) -> Answer:
        self._copy_to_shadows()
        reply = self._measured(variant)
        if reply is None:
            raise _no_room(variant)
        if reply.is_error:
            raise self._model_error(reply)
        told = {"x-Amzn-Invoked-Production-Variant": variant.variant.name}
        for header in ("content-type", CUSTOM_ATTRIBUTES):
            if header in reply.headers:
                told[header] = reply.headers[header]
        self._capture(variant, reply)
        return Answer(told, reply.body)

    def _capture(self, variant: VariantFleet, reply: Reply) -> None:
        capture = self.fleet.capture
        if capture is None or not capture.takes_a_sample():
            return
        given = Part(self.call.headers.get("content-type", ""), self.call.body)
        line = capture.line(given, Part(reply.headers.get("content-type", ""), reply.body), self.call.headers)
        folder = S3Uri.parse(capture.document["DestinationS3Uri"]) / self.call.endpoint / variant.variant.name
        self.captured.add(self.call.scope, folder, line)

    def _measured(self, variant: VariantFleet) -> Reply | None:
        """The container's answer, or that none came; None when no instance takes the request."""
        series = variant.series(self.call.scope, self.call.endpoint, self.fleet.metric_period_seconds)
        instances, instance = len(variant.in_service), variant.admit()
        if instance is None and self.fleet.is_retired:
            raise FleetRetiredError
        self.measurements.record(series.of("Invocations"), 1)
        if instances:
            self.measurements.record(series.of("InvocationsPerInstance"), 1 / instances)
        asked = time.monotonic()
        reply = _turned_away(variant) if instance is None else _ask(instance, self.call)
        answered = time.monotonic()
        if reply is not None:
            total = answered - self.began
            self.measurements.record(series.of("ModelLatency", "Microseconds"), (answered - asked) * 1e6)
            self.measurements.record(series.of("OverheadLatency", "Microseconds"), (total - answered + asked) * 1e6)
        status = HTTPStatus.SERVICE_UNAVAILABLE if reply is None else (reply.status or 500)
        for name, first in (("Invocation4XXErrors", 400), ("Invocation5XXErrors", 500)):
            self.measurements.record(series.of(name), float(first <= status < first + 100))
        return reply

    def _copy_to_shadows(self) -> None:
        """Each shadow gets the request with the probability of its weight; nobody waits for its answer."""
        production = sum(fleet.weight for fleet in self.fleet.production.values())
        for shadow in self.fleet.shadows.values():
            if random.random() * production < shadow.weight:  # noqa: S311 - it only spreads requests
                threading.Thread(target=self._shadow, args=(shadow,), daemon=True).start()

    def _shadow(self, shadow: VariantFleet) -> None:
        with contextlib.suppress(FleetRetiredError):
            self._measured(shadow)

    def _model_error(self, reply: Reply) -> InvocationRefusedError:
        scope, endpoint = self.call.scope, self.call.endpoint
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        said = reply.body[:1024].decode(errors="replace")
        whose = "server" if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not reply.status else "client"
        return InvocationRefusedError(
            "ModelError",
            _MODEL_ERROR,
            f'Received {whose} error ({reply.status}) from primary with message "{said}". See '
            f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}#logEventViewer:group={group} "
            f"in account {scope.account} for more information.",
            OriginalStatusCode=reply.status,
            OriginalMessage=said,
            LogStreamArn=f"arn:aws:logs:{scope.region}:{scope.account}:log-group:{group}",
        )


def _ask(instance: Instance, call: Call) -> Reply:
    try:
        return instance.invoke(call.body, call.passed_on)
    except NoAnswerError as error:
        return Reply(0, {}, str(error).encode())


def _turned_away(variant: VariantFleet) -> Reply | None:
    """What nginx answers in front of gunicorn when as many requests wait at each instance as it takes; None without an instance."""
    return _BAD_GATEWAY if variant.in_service and not variant.variant.is_serverless else None


def _no_room(variant: VariantFleet) -> InvocationRefusedError:
    if variant.variant.is_serverless and variant.in_service:
        return InvocationRefusedError("ThrottlingException", HTTPStatus.TOO_MANY_REQUESTS, "Rate exceeded")
    return InvocationRefusedError(
        "ServiceUnavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"The variant {variant.variant.name} cannot answer: it has no instance.",
    )


def unknown_endpoint(call: Call) -> InvocationRefusedError:
    """The error for an endpoint that is not there, or not in service yet."""
    return refused(f"Endpoint {call.endpoint} of account {call.scope.account} not found.")


def refused(sentence: str) -> InvocationRefusedError:
    """The error for a request that cannot be carried out as asked."""
    return InvocationRefusedError("ValidationError", HTTPStatus.BAD_REQUEST, sentence)
