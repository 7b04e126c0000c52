"""What a FailureReason means, and what is done about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from attempts.failures import FailureKind, FailurePolicy, Retry, classify

ARN = "arn:aws:lambda:us-east-1:123456789012:function:demo-begin-run"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("ClientError: Please use an instance type with more memory, or reduce the size of job data", "OUT_OF_MEMORY"),
        ("AlgorithmError: MemoryError: Unable to allocate 3.2 GiB, exit code: 1", "OUT_OF_MEMORY"),
        ("AlgorithmError: Killed, exit code: 137", "OUT_OF_MEMORY"),
        ("CapacityError: Unable to provision requested ML compute capacity. Please retry.", "NO_CAPACITY"),
        ("InsufficientInstanceCapacity: ml.m5.large", "NO_CAPACITY"),
        ("ClientError: ... (ResourceLimitExceeded) when calling the CreateProcessingJob operation: ...", "NO_CAPACITY"),
        ("ClientError: Failed to invoke sagemaker:CreateProcessingJob. Rate exceeded", "THROTTLED"),
        ("ClientError: Job exceeded MaxRuntimeInSeconds of 3600; raise it or give the job less to do", "TIMEOUT"),
        (f"ClientError: {ARN} failed: Task timed out after 300.00 seconds", "TIMEOUT"),
        ("ClientError: ProcessingJob was stopped", "INTERRUPTED"),
        (
            "ClientError: function f failed: Runtime.ExitError: RequestId: 1 Error: Runtime exited with error: signal: killed",
            "INTERRUPTED",
        ),
        ("InternalServerError: We encountered an internal error. Please try again.", "INTERNAL"),
        (f"ClientError: {ARN} failed: IncompleteRunError: IncompleteRun: 1 of 3 parts are not as reported", "INTERNAL"),
        ("MoreToScore: this job took what it has time for", "MORE_TO_SCORE"),
        ("AlgorithmError: DataCheckFailed: 3 columns are out of memory of anyone, exit code: 1", "DATA_CHECK"),
        (f"ClientError: {ARN} failed: NoModelError: NoApprovedModel: no version is approved", "NO_MODEL"),
        (f"ClientError: {ARN} failed: EmptyInputError: EmptyInput: there is no input", "EMPTY_INPUT"),
        ("AlgorithmError: InputChanged: version 7 of s3://data/a.csv has been deleted, exit code: 1", "INPUT_CHANGED"),
        ("ClientError: No S3 objects found under S3 URL 's3://data/history/'", "EMPTY_INPUT"),
        ("AlgorithmError: ModelLoadFailed: model.joblib: No module named 'x', exit code: 1", "MODEL_LOAD"),
        ("AlgorithmError: KeyError: 'price', exit code: 1", "SCRIPT"),
    ],
)
def test_a_reason_has_a_kind(reason: str, kind: str) -> None:
    assert classify(reason) is FailureKind(kind)


def test_kinds_are_tried_as_often_as_it_can_help() -> None:
    policy = FailurePolicy(max_attempts=4)
    assert policy.attempts(FailureKind.OUT_OF_MEMORY) == 4
    assert policy.attempts(FailureKind.SCRIPT) == 2
    assert policy.attempts(FailureKind.DATA_CHECK) == 1
    assert FailurePolicy(retry=Retry.NEXT_RUN).attempts(FailureKind.INTERNAL) == 1


def test_waits_grow_but_more_memory_is_tried_at_once() -> None:
    policy = FailurePolicy(backoff_seconds=60, backoff_rate=2.0)
    assert [policy.wait(FailureKind.INTERNAL, attempt) for attempt in (1, 2, 3)] == [
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(minutes=4),
    ]
    assert policy.wait(FailureKind.OUT_OF_MEMORY, 3) == timedelta(0)
