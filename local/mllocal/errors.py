"""Errors of the embedded AWS: those a client receives, and those `mlp up` reports."""

from __future__ import annotations


class EngineError(Exception):
    """The embedded AWS cannot be started, reached or stopped. The message says why and what to do."""


class ApiError(Exception):
    """An error answer of the emulated API, with the code that AWS documents for the operation."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def validation(message: str) -> ApiError:
    """The request is malformed or cannot be carried out as asked."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """The named resource does not exist."""
    return ApiError("ResourceNotFound", message)


def in_use(message: str) -> ApiError:
    """The name is taken, or the resource is needed by something else."""
    return ApiError("ResourceInUse", message)
