"""Members of a request that may be one of a pipeline's step: an expression is a dict with one key, and equals no literal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mllocal.sagemaker.store import Document
from mlpipelines import walk_expressions


def literal(document: Any, *path: str) -> Any:
    """The member at a path; None where there is none."""
    value = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def items(document: Any, *path: str) -> list[Document]:
    """The members of a list at a path; none where there is no list, or an expression for one."""
    value = literal(document, *path)
    return value if isinstance(value, list) else []


def is_known(*values: Any) -> bool:
    """Whether there is no expression in any of the values."""
    return not any(True for _ in walk_expressions(values))


def when(document: Document, path: tuple[str, ...], refused: str, sentence: str) -> Iterator[str]:
    """The sentence, if the member at a path is the one that is refused."""
    if literal(document, *path) == refused:
        yield sentence
