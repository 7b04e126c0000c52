"""Where faults on request happen: at the door of the engine, in the processes of functions, between rules and targets."""

from __future__ import annotations

import contextvars
import json
import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, lambda_runtime, router
from ministack.services import eventbridge

from mllocal.emulator.faults import PATH, Faults, parse

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = {"Content-Type": "application/json"}
# How services whose SDKs know another word for it say that a call comes too often.
_THROTTLED = {"s3": (503, "SlowDown"), "lambda": (429, "TooManyRequestsException")}


def with_faults(application: Application, faults: Faults) -> Application:
    """An application whose calls are throttled on request, and that takes the requests for faults."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
        elif scope["path"] == PATH:
            await _answer(send, *_control(faults, scope["method"], await _body(receive)))
        elif not faults.may_throttle or scope["path"].startswith("/_"):
            await application(scope, receive, send)
        else:
            body = await _body(receive)
            refusal = _throttled(faults, scope, body)
            if refusal is None:
                await application(scope, _replayed(body, receive), send)
            else:
                await _answer(send, *refusal)

    return serve


def register_faults(faults: Faults) -> None:
    """Let functions be killed, and events doubled, delayed and reordered."""
    _kill_functions(faults)
    _disturb_events(faults)


def _kill_functions(faults: Faults) -> None:
    invoke = lambda_runtime.Worker.invoke

    def invoke_or_kill(worker: Any, *arguments: Any, **options: Any) -> Any:
        seconds = faults.kill_after_seconds(worker.func_name)
        if seconds is None:
            return invoke(worker, *arguments, **options)
        lambda_runtime.ensure_spawned(worker)
        killer = threading.Timer(seconds, worker._proc.kill)
        killer.start()
        try:
            return invoke(worker, *arguments, **options)
        finally:
            killer.cancel()

    lambda_runtime.Worker.invoke = invoke_or_kill


def _disturb_events(faults: Faults) -> None:
    deliver = eventbridge._invoke_target

    def deliver_disturbed(*arguments: Any, **options: Any) -> None:
        for seconds in faults.delays_seconds():
            if seconds == 0:
                deliver(*arguments, **options)
                continue
            # The account and the region of the event are context variables.
            context = contextvars.copy_context()
            later = threading.Timer(seconds, context.run, (deliver, *arguments), options)
            later.daemon = True
            later.start()

    eventbridge._invoke_target = deliver_disturbed


def _control(faults: Faults, method: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    try:
        if method in ("PUT", "DELETE"):
            faults.replace(parse(body) if method == "PUT" else {})
    except ValueError as error:
        return 400, _JSON, json.dumps({"message": str(error)}).encode()
    return 200, _JSON, json.dumps(faults.to_json()).encode()


def _throttled(faults: Faults, scope: Scope, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """The refusal of a call in the form that its service has, if it is refused."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    service = router.detect_service(scope["method"], scope["path"], headers, query)
    operation = _operation(service, scope, headers, body, query)
    if operation is None or not faults.throttles(operation):
        return None
    status, code = _THROTTLED.get(service, (400, "ThrottlingException"))
    _, answer_headers, content = iam_actions.access_denied_response(
        service, operation, "", str(uuid.uuid4()), error_code=code, message="Rate exceeded", headers=headers
    )
    return status, {**answer_headers, "x-amzn-errortype": code}, content


def _operation(
    service: str, scope: Scope, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
) -> str | None:
    """The operation as IAM names it."""
    namespace = iam_actions.SERVICE_TO_IAM_NAMESPACE.get(service, service)
    if target := headers.get("x-amz-target"):
        return f"{namespace}:{target.rpartition('.')[2]}"
    _, rpc, operation = scope["path"].rpartition("/operation/")
    if rpc:
        return f"{namespace}:{operation}"
    found: str | None = iam_actions.extract_iam_action(service, scope["method"], scope["path"], headers, body, query)
    return found


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, once more; what comes after it is the connection's."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


async def _answer(send: Send, status: int, headers: dict[str, str], content: bytes) -> None:
    named = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    length = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*named, *length]})
    await send({"type": "http.response.body", "body": content})
