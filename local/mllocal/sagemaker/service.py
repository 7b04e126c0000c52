"""Where a SageMaker request goes: a registry of operations, and what they share."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mllocal.errors import ApiError, in_use, validation
from mllocal.sagemaker import wire
from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.store import Document, Scope, Store

Request = dict[str, Any]
EventSink = Callable[[Scope, str, list[str], Document], None]


class Runner(Protocol):
    """Runs jobs in the background. `function` does the work of one kind of job."""

    def start(self, kind: Kind, document: Document, function: Callable[[Any], Document]) -> None: ...

    def wait(self, arn: str) -> None: ...

    def metric_values(self, arn: str) -> dict[str, list[float]]: ...

    def stop(self, arn: str) -> None: ...

    def stop_all(self) -> None: ...


class PipelineExecutor(Protocol):
    """Runs pipeline executions in the background."""

    def start(self, service: Service, arn: str) -> None: ...

    def stop(self, service: Service, arn: str) -> None: ...

    def running(self, pipeline_arn: str) -> list[str]: ...

    def close(self) -> None: ...


class EndpointHosting(Protocol):
    """Serves endpoints in the background. Each is told to do what its document says."""

    def deploy(self, arn: str) -> None: ...

    def scale(self, arn: str) -> None: ...

    def delete(self, arn: str) -> None: ...

    def component(self, arn: str, endpoint_arn: str) -> ComponentHosting: ...


class ComponentHosting(Protocol):
    """Serves one inference component in the background."""

    def deploy(self) -> None: ...

    def scale(self) -> None: ...

    def delete(self) -> None: ...


@dataclass
class Service:
    """The embedded SageMaker: its documents, the runner of its jobs, the executor of its pipelines and the hosting of its endpoints."""

    store: Store
    emit: EventSink
    runner: Runner
    executor: PipelineExecutor
    mlflow_url: str
    hosting: EndpointHosting

    def invoke(self, operation: str, scope: Scope, request: Request) -> dict[str, Any]:
        """Carry out one API operation and answer as AWS would. Raises `ApiError`."""
        wire.check_request(operation, request)
        handler = OPERATIONS.get(operation)
        if handler is None:
            raise ApiError(
                "UnknownOperationException",
                f"the embedded AWS does not emulate SageMaker {operation}; it emulates {', '.join(sorted(OPERATIONS))}",
            )
        return wire.answer(operation, handler(self, scope, request))

    def require(self, kind: Kind, arn: str, name: str) -> Document:
        """The document of an ARN, or the error AWS gives for the kind."""
        document = self.store.get(arn)
        if document is None:
            raise ApiError(kind.missing_code, kind.missing_message.format(kind=kind.name, name=name))
        return document

    def create(self, kind: Kind, scope: Scope, name: str, document: Document) -> Document:
        """Store a new resource under its name, with its ARN and times; refuse a name that is taken."""
        arn = arn_of(kind, scope, name)
        now = time.time()
        document = {
            **document,
            kind.arn_field: arn,
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": {},
            "LastModifiedBy": {},
        }
        if not self.store.insert(kind.name, arn, document):
            sentence = (
                f"{kind.name} names must be unique within an AWS account and region; {name!r} already exists: {arn}"
            )
            raise in_use(sentence) if kind.name.endswith("Job") else validation(sentence)
        return document


Handler = Callable[[Service, Scope, Request], Document]
OPERATIONS: dict[str, Handler] = {}


def operation(name: str) -> Callable[[Handler], Handler]:
    """Register the function that carries out an operation."""

    def register(handler: Handler) -> Handler:
        OPERATIONS[name] = handler
        return handler

    return register


def arn_of(kind: Kind, scope: Scope, name: str) -> str:
    """The ARN of a named resource; an ARN given as the name stays as it is."""
    return name if name.startswith("arn:") else scope.arn(f"{kind.arn_type}/{name}")


def random_id(length: int = 12) -> str:
    """A fresh identifier such as SageMaker gives to executions."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))
