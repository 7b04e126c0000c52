"""The next piece is read while this one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(pieces: Iterator[T]) -> Iterator[T]:
    """The same pieces; one is made in another thread while the caller has the one before it."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(_next, pieces)
        while True:
            piece = coming.result()
            if piece is None:
                return
            coming = pool.submit(_next, pieces)
            yield piece


def _next(pieces: Iterator[T]) -> T | None:
    return next(pieces, None)
