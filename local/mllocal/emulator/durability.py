"""Nothing acknowledged is lost: a change is on disk before its answer is sent.

ministack keeps its state in memory and writes it when it ends in good order. Here the service that a request may have changed is written
before the answer goes out, by the same functions, so that a killed engine starts again with all that a client was told.
CloudFormation changes other services in the background: whoever asks it how a stack stands has everything written first.
Objects of S3 are files at once. SageMaker's documents and MLflow have databases of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import ministack.app
from ministack.core import persistence, router

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_READING_METHODS = ("GET", "HEAD", "OPTIONS")
_READING_OPERATIONS = ("Describe", "Get", "List", "Filter", "BatchGet", "Lookup", "Test")
_WHOLE_STATE = "cloudformation"


class NotSavedError(Exception):
    """The state of a service could not be written."""


def durable(application: Application) -> Application:
    """The emulator's application, with changes on disk before they are acknowledged."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        changed = _services_changed_by(scope) if scope["type"] == "http" else ()

        async def send_when_saved(message: Message) -> None:
            if message["type"] == "http.response.start":
                _save(changed)
            await send(message)

        await application(scope, receive, send_when_saved if changed else send)

    return serve


def _services_changed_by(scope: Scope) -> tuple[str, ...]:
    """The state keys that a request may change; empty for one that only reads."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
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


def _only_reads(scope: Scope, headers: Mapping[str, str]) -> bool:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return (
        scope["method"] in _READING_METHODS
        or operation.startswith(_READING_OPERATIONS)
        or scope["path"].endswith("/invocations")
    )


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
