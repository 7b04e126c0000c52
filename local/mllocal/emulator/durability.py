"""Nothing acknowledged is lost: a change is on disk before its answer is sent.

ministack keeps its state in memory and writes it when it ends in good order. Here the service that a request may have changed is written
before the answer goes out, by the same functions, so that a killed engine starts again with all that a client was told.
CloudFormation changes other services in the background: whoever asks it how a stack stands has everything written first.
New log lines go to a journal instead, and are put into ministack again when it starts. Objects of S3 are files at once
(`mllocal.emulator.whole_objects`). SageMaker's documents and MLflow have databases of their own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import ministack.app
from ministack.core import persistence, router

from mllocal.emulator.journal import HttpRequest, Journal

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_READING_METHODS = ("GET", "HEAD", "OPTIONS")
_READING_OPERATIONS = ("Describe", "Get", "List", "Filter", "BatchGet", "Lookup", "Test")
_WHOLE_STATE = "cloudformation"
_LOGS = "cloudwatch_logs"
_JOURNALED_OPERATIONS = ("CreateLogStream", "PutLogEvents")
_LOG = logging.getLogger("mllocal.durability")
_SAVING = threading.Lock()


class NotSavedError(Exception):
    """The state of a service could not be written."""


def durable(application: Application) -> Application:
    """The emulator's application, with changes on disk before they are acknowledged."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, _restoring(application, send))
        elif scope["type"] == "http" and _operation(_headers(scope)) in _JOURNALED_OPERATIONS:
            await _journaled(application, scope, receive, send)
        else:
            await _saved(application, scope, receive, send)

    return serve


async def _saved(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Write every service that the request may have changed before it is answered."""
    changed = _services_changed_by(scope) if scope["type"] == "http" else ()

    async def send_when_saved(message: Message) -> None:
        if message["type"] == "http.response.start":
            save(changed)
        await send(message)

    await application(scope, receive, send_when_saved if changed else send)


async def _journaled(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Append the request to the journal before it is answered, if it was carried out."""
    parts: list[bytes] = []

    async def receive_and_keep() -> Message:
        message = await receive()
        parts.append(message.get("body", b""))
        return message

    async def send_when_kept(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
            request = (scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]), b"".join(parts))
            _journal().append(HttpRequest(*request))
        await send(message)

    await application(scope, receive_and_keep, send_when_kept)


def _restoring(application: Application, send: Send) -> Send:
    """Say that ministack has started only when it has what the journal kept."""

    async def send_when_restored(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            for request in _journal().requests():
                await _carry_out(application, request)
        await send(message)

    return send_when_restored


async def _carry_out(application: Application, request: HttpRequest) -> None:
    """A request that was answered before, once more."""
    scope = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query_string,
        "headers": list(request.headers),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != HTTPStatus.OK:
            _LOG.error("a change to CloudWatch Logs could not be restored: %s", request)

    await application(scope, receive, send)


def _journal() -> Journal:
    directory = Path(persistence.STATE_DIR)
    return Journal(directory / f"{_LOGS}.journal", directory / f"{_LOGS}.json")


def _services_changed_by(scope: Scope) -> tuple[str, ...]:
    """The state keys that a request may change; empty for one that only reads."""
    headers = _headers(scope)
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    service = router.detect_service(scope["method"], scope["path"], headers, query)
    if service == _WHOLE_STATE:
        return tuple(ministack.app._build_persistence_save_dict())
    if _only_reads(scope, headers):
        return ()
    registered = ministack.app.SERVICE_REGISTRY.get(service)
    if registered is None:
        return ()
    modules = {registered["module"], *registered.get("sub_modules", ())}
    return tuple(key for key, module in ministack.app._state_map.items() if module in modules)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _operation(headers: Mapping[str, str]) -> str:
    """The operation's name where the protocol has it in a header; empty where it does not."""
    return headers.get("x-amz-target", "").rpartition(".")[2]


def _only_reads(scope: Scope, headers: Mapping[str, str]) -> bool:
    return (
        scope["method"] in _READING_METHODS
        or _operation(headers).startswith(_READING_OPERATIONS)
        or scope["path"].endswith("/invocations")
    )


def save(keys: tuple[str, ...]) -> None:
    """Write these services' states: for what changes them without a request, too."""
    with _SAVING:
        _save(keys)


def _save(keys: tuple[str, ...]) -> None:
    states = ministack.app._build_persistence_save_dict()
    for key in keys:
        if key in states:
            _save_one(key, states[key])


def _save_one(key: str, get_state: Callable[[], Any]) -> None:
    state = snapshot(get_state)
    if state is None:
        return
    path = Path(persistence.STATE_DIR) / f"{key}.json"
    before = path.stat().st_ino if path.exists() else None
    persistence.save_state(key, state)
    # ministack logs a failure and goes on; a written file is a new one.
    if not path.exists() or path.stat().st_ino == before:
        raise NotSavedError(f"the state of {key} could not be written to {path}; see the engine's log")


def snapshot(get_state: Callable[[], Any]) -> Any:
    """What a service holds. Others add to it meanwhile, on threads of their own, which breaks off the copying: then it starts again."""
    while True:
        try:
            return get_state()
        except RuntimeError as error:
            if "changed size during iteration" not in str(error):
                raise
