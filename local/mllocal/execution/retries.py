"""Retry policies: which failures of a step are tried again, when, and for how long.

Source: the developer guide, "Retry Policy for Pipeline Steps", defaults included.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"

RETRYABLE_STEP_TYPES = ("AutoML", "Model", "Processing", "RegisterModel", "Training", "Transform", "Tuning")
_SECONDS_PER_MINUTE = 60
_DEFAULT_ATTEMPTS = 5

_TYPE_OF_FAILURE = {
    "InternalServerError": JOB_INTERNAL_ERROR,
    "CapacityError": CAPACITY_ERROR,
    "InsufficientCapacityError": CAPACITY_ERROR,
    "ResourceLimitExceeded": RESOURCE_LIMIT,
}
_TYPE_OF_CODE = {
    "ResourceLimitExceeded": RESOURCE_LIMIT,
    "Throttling": THROTTLING,
    "ThrottlingException": THROTTLING,
    "TooManyRequestsException": THROTTLING,
    "InternalFailure": SERVICE_FAULT,
    "InternalServerException": SERVICE_FAULT,
    "ServiceException": SERVICE_FAULT,
    "ServiceUnavailable": SERVICE_FAULT,
}


def type_of_job_failure(reason: str) -> str | None:
    """The exception type of a job's FailureReason such as `CapacityError: ...`; None for a failure of the job's own code."""
    return _TYPE_OF_FAILURE.get(reason.partition(":")[0].strip())


def type_of_error_code(code: str) -> str | None:
    """The exception type of an error that a called service answered with."""
    return _TYPE_OF_CODE.get(code)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Try again after failures of these types: `max_attempts` retries, or until so long after the step started."""

    exception_types: frozenset[str]
    interval_seconds: float = 1
    backoff_rate: float = 2.0
    max_attempts: int | None = _DEFAULT_ATTEMPTS
    expire_after_seconds: float | None = None

    @classmethod
    def from_json(cls, policy: dict[str, Any]) -> RetryPolicy:
        """One entry of a step's `RetryPolicies`."""
        given = policy["ExceptionType"]
        minutes = policy.get("ExpireAfterMin")
        return cls(
            exception_types=frozenset([given] if isinstance(given, str) else given),
            interval_seconds=policy.get("IntervalSeconds", cls.interval_seconds),
            backoff_rate=policy.get("BackoffRate", cls.backoff_rate),
            max_attempts=policy.get("MaxAttempts", cls.max_attempts) if minutes is None else None,
            expire_after_seconds=None if minutes is None else minutes * _SECONDS_PER_MINUTE,
        )

    def delay_seconds(self, retries: int, elapsed_seconds: float) -> float | None:
        """How long to wait before the next retry, after so many of them and so long; None when there is none any more."""
        if self.max_attempts is not None and retries >= self.max_attempts:
            return None
        if self.expire_after_seconds is not None and elapsed_seconds >= self.expire_after_seconds:
            return None
        try:
            return min(self.interval_seconds * self.backoff_rate**retries, threading.TIMEOUT_MAX)
        except OverflowError:
            return threading.TIMEOUT_MAX


SERVICE_DEFAULTS = (
    RetryPolicy(exception_types=frozenset({SERVICE_FAULT})),
    RetryPolicy(exception_types=frozenset({THROTTLING})),
)
"""What Pipelines does for every step; a policy of the step for the same type takes its place."""


def policies_of(step: dict[str, Any]) -> tuple[RetryPolicy, ...]:
    """The policies of a step, its own before the service's."""
    return (*(RetryPolicy.from_json(policy) for policy in step.get("RetryPolicies") or ()), *SERVICE_DEFAULTS)


class Retries:
    """Counts the retries of one step. Each policy counts its own; the first that names a failure decides."""

    def __init__(self, policies: Sequence[RetryPolicy], clock: Callable[[], float] = time.monotonic) -> None:
        self._policies = policies
        self._clock = clock
        self._started = clock()
        self._used: Counter[RetryPolicy] = Counter()

    def delay_after(self, exception_type: str | None) -> float | None:
        """Seconds until the next attempt after a failure of this type; None when the step has failed for good."""
        policy = next((policy for policy in self._policies if exception_type in policy.exception_types), None)
        if policy is None:
            return None
        delay = policy.delay_seconds(self._used[policy], self._clock() - self._started)
        self._used[policy] += 1
        return delay
