"""The frame of a command that talks to an account."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlp.output import Output, reporting
from mlp.target import Target, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def session(*, endpoint_url: str | None, aws: bool, json: bool) -> Iterator[tuple[Target, Output]]:
    """Resolve the target; expected errors of what follows become sentences that name it, and exit codes."""
    with reporting(as_json=json) as out:
        target = resolve(endpoint_url=endpoint_url, use_aws=aws)
        out.target = target.label
        yield target, out
