"""Why a run that went well once fails now, from what it said."""

from __future__ import annotations

import re

from mlp.reproduce.verdict import Cause, NotReproducibleError, cannot

_SIGNS = (
    (Cause.PACKAGE, re.compile(r"ModuleNotFoundError|ImportError|InstallRequirementsError|PackageNotFoundError")),
    (
        Cause.IMAGE,
        re.compile(r"has no local environment|CannotPullContainer|Image .* not found|does not exist in the registry"),
    ),
    (
        Cause.MISSING_FILE,
        re.compile(r"FileNotFoundError|No such file or directory|No S3 objects found|NoSuchKey|can't open file"),
    ),
    (
        Cause.ENVIRONMENT,
        re.compile(
            r"KeyError: '[A-Z][A-Z0-9_]+'|MemoryError|more memory|exit code -9|ResourceLimitExceeded|CapacityError"
        ),
    ),
)


def failed(what: str, said: str, *, masked: str = "") -> NotReproducibleError:
    """The error for a command or job that failed; `masked` names variables that the record keeps only masked."""
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    cause = next((cause for cause, sign in _SIGNS if sign.search(said)), Cause.UNEXPLAINED)
    if masked and cause is Cause.UNEXPLAINED:
        cause = Cause.ENVIRONMENT
    hint = f"; the record has no values of its secrets {masked}" if masked else ""
    return cannot(cause, f"{what} failed: {last}{hint}")
