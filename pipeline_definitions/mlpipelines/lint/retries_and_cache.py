"""Checks of the retry policies and the cache of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition, objects
from mlpipelines.lint.words import advice, quote

EXCEPTION_TYPES = (
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.RESOURCE_LIMIT",
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
)
"""Source: the developer guide, "Retry Policy for Pipeline Steps"."""
_MOST_ATTEMPTS = 20
_LONGEST_MINUTES = 14_400
_DURATION = re.compile(r"P?(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.IGNORECASE)


def retry_policies(definition: Definition) -> Iterator[str]:
    """A retry policy names known exceptions and stays within the limits of the service."""
    for label, step in definition.labelled_steps():
        policies = step.get("RetryPolicies")
        if policies is not None and not isinstance(policies, list):
            yield f"{label} has RetryPolicies {quote(policies)}; use a list"
        elif policies and len(objects(policies)) < len(policies):
            yield f"{label} has RetryPolicies {quote(policies)}; each one is an object with ExceptionType"
        for policy in objects(policies):
            yield from (f"{label} has a retry policy with {problem}" for problem in _policy_problems(policy))


def _policy_problems(policy: JsonObject) -> Iterator[str]:
    given = policy.get("ExceptionType")
    types = given if isinstance(given, list) else [given]
    if not types or given is None:
        yield f"no ExceptionType; {advice(None, EXCEPTION_TYPES)}"
    for exception in types:
        if exception is not None and exception not in EXCEPTION_TYPES:
            yield f"the unknown exception type {quote(exception)}; {advice(exception, EXCEPTION_TYPES)}"
    attempts, minutes = policy.get("MaxAttempts"), policy.get("ExpireAfterMin")
    if attempts is not None and minutes is not None:
        yield "both MaxAttempts and ExpireAfterMin; use one of them"
    if attempts is not None and not _is_between(attempts, 1, _MOST_ATTEMPTS):
        yield f"MaxAttempts {quote(attempts)}; use 1 to {_MOST_ATTEMPTS}"
    if minutes is not None and not _is_between(minutes, 0, _LONGEST_MINUTES):
        yield f"ExpireAfterMin {quote(minutes)}; use 0 to {_LONGEST_MINUTES}"
    for name in ("IntervalSeconds", "BackoffRate"):
        value = policy.get(name)
        if value is not None and not _is_between(value, 0, float("inf")):
            yield f"{name} {quote(value)}; use a number that is not negative"


def _is_between(value: object, lowest: float, highest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest


def cache(definition: Definition) -> Iterator[str]:
    """A cache configuration says whether it is on, and for how long a result is good."""
    for label, step in definition.labelled_steps():
        config = step.get("CacheConfig")
        if config is None:
            continue
        if not isinstance(config, dict) or not isinstance(config.get("Enabled"), bool):
            yield f"{label} has CacheConfig {quote(config)}; use an object whose Enabled is true or false"
            continue
        age = config.get("ExpireAfter")
        if age is not None and not (isinstance(age, str) and _DURATION.fullmatch(age)):
            yield f"{label} has ExpireAfter {quote(age)}; use an ISO 8601 duration such as 'P30D' or 'PT12H'"


CHECKS: tuple[Check, ...] = (
    retry_policies,
    cache,
)
