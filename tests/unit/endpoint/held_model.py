"""Models for `model_server.py`, run by gunicorn's workers: a request ends when the test lets it, through pipes."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any

GATE, EVENTS = int(os.environ["GATE"]), int(os.environ["EVENTS"])

os.write(EVENTS, b".")  # This worker is there.


def computes(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Holds its worker meanwhile, as a prediction does: gevent does not know of `os.read`."""
    os.write(EVENTS, b".")
    os.read(GATE, 1)
    start_response("200 OK", [("Content-Length", "0")])
    return []


def waits(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Leaves its worker to others meanwhile, as a call of another service does: gevent has a `select` of its own."""
    os.write(EVENTS, b".")
    select.select([GATE], [], [])
    start_response("200 OK", [("Content-Length", "0")])
    return []
