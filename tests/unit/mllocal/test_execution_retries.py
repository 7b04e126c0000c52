"""Which failures of a step are tried again, and when."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mllocal.execution.retries import (
    CAPACITY_ERROR,
    JOB_INTERNAL_ERROR,
    RESOURCE_LIMIT,
    SERVICE_FAULT,
    THROTTLING,
    Retries,
    policies_of,
    type_of_error_code,
    type_of_job_failure,
)


def retries(*policies: dict[str, Any], times: tuple[float, ...] = ()) -> Retries:
    clock = iter((0.0, *times, *[0.0] * 100))
    return Retries(policies_of({"RetryPolicies": list(policies)}), clock=lambda: next(clock))


@pytest.mark.parametrize(
    ("reason", "exception_type"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", CAPACITY_ERROR),
        ("InternalServerError: We encountered an internal error.", JOB_INTERNAL_ERROR),
        ("ResourceLimitExceeded: The account-level service limit is 0 Instances.", RESOURCE_LIMIT),
        ("AlgorithmError: CapacityError: said the script", None),
        ("no reason that we know", None),
    ],
)
def test_a_jobs_failure_reason_has_an_exception_type(reason: str, exception_type: str | None) -> None:
    assert type_of_job_failure(reason) == exception_type


def test_a_services_error_code_has_an_exception_type() -> None:
    codes = ["ResourceLimitExceeded", "ThrottlingException", "InternalFailure", "ValidationException"]

    assert [type_of_error_code(code) for code in codes] == [RESOURCE_LIMIT, THROTTLING, SERVICE_FAULT, None]


def test_the_interval_grows_with_the_backoff_rate_until_the_attempts_are_used_up() -> None:
    policy = {"ExceptionType": [CAPACITY_ERROR], "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 3}
    counted = retries(policy)

    assert [counted.delay_after(CAPACITY_ERROR) for _ in range(4)] == [3, 4.5, 6.75, None]


def test_the_defaults_are_those_of_the_guide() -> None:
    counted = retries({"ExceptionType": [CAPACITY_ERROR]})

    assert [counted.delay_after(CAPACITY_ERROR) for _ in range(6)] == [1, 2, 4, 8, 16, None]


def test_a_policy_with_an_expiry_counts_time_and_not_attempts() -> None:
    policy = {"ExceptionType": CAPACITY_ERROR, "IntervalSeconds": 0, "ExpireAfterMin": 2}
    counted = retries(policy, times=(1, 60, 119.9, 120))

    assert [counted.delay_after(CAPACITY_ERROR) for _ in range(4)] == [0, 0, 0, None]


@pytest.mark.parametrize("limit", [{"MaxAttempts": 0}, {"ExpireAfterMin": 0}])
def test_a_limit_of_zero_never_tries_again(limit: dict[str, int]) -> None:
    assert retries({"ExceptionType": [CAPACITY_ERROR], **limit}).delay_after(CAPACITY_ERROR) is None


def test_each_policy_counts_its_own_retries() -> None:
    once = {"IntervalSeconds": 0, "MaxAttempts": 1}
    counted = retries({"ExceptionType": [CAPACITY_ERROR], **once}, {"ExceptionType": [JOB_INTERNAL_ERROR], **once})

    types = [CAPACITY_ERROR, JOB_INTERNAL_ERROR, CAPACITY_ERROR]
    assert [counted.delay_after(exception_type) for exception_type in types] == [0, 0, None]


def test_a_failure_that_no_policy_names_is_final() -> None:
    counted = retries({"ExceptionType": [CAPACITY_ERROR]})

    assert counted.delay_after(JOB_INTERNAL_ERROR) is None
    assert counted.delay_after(None) is None


def test_faults_and_throttling_of_services_are_tried_again_without_a_policy_and_a_policy_overrides_that() -> None:
    assert retries().delay_after(THROTTLING) == 1
    assert retries().delay_after(SERVICE_FAULT) == 1
    assert retries({"ExceptionType": [THROTTLING], "MaxAttempts": 0}).delay_after(THROTTLING) is None


def test_a_wait_longer_than_any_clock_takes_is_the_longest_there_is() -> None:
    policy = {"ExceptionType": [CAPACITY_ERROR], "IntervalSeconds": 1e300, "BackoffRate": 1e300, "MaxAttempts": 3}
    counted = retries(policy)

    delays = [counted.delay_after(CAPACITY_ERROR) for _ in range(3)]

    assert delays == [threading.TIMEOUT_MAX] * 3
