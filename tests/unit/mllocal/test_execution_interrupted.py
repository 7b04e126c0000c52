"""What an engine says of the executions that ran when the one before it ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mllocal.execution.executor import Executor
from mllocal.execution.interrupted import REASON, fail_interrupted
from mllocal.jobs.runner import JobRunner
from mllocal.sagemaker.kinds import EXECUTION
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope, Store

SCOPES = (Scope("123456789012", "us-east-1"), Scope("210987654321", "eu-west-1"))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    store = Store(tmp_path / "sagemaker.db")

    def emit(*event: Any) -> None:
        pass

    yield Service(
        store, emit, JobRunner(store, emit, tmp_path / "jobs"), Executor(), "http://127.0.0.1:1", cast(Any, None)
    )
    store.close()


def insert(service: Service, scope: Scope, name: str, status: str, **steps: str) -> str:
    arn = scope.arn(f"pipeline/p/execution/{name}")
    document = {
        "PipelineExecutionArn": arn,
        "PipelineExecutionStatus": status,
        "Steps": {step: {"StepName": step, "StepStatus": status} for step, status in steps.items()},
    }
    service.store.insert(EXECUTION.name, arn, document)
    return arn


def found(service: Service, arn: str) -> Document:
    return service.store.get(arn) or {}


@pytest.mark.parametrize("scope", SCOPES)
def test_an_execution_that_ran_has_failed_and_keeps_what_succeeded(service: Service, scope: Scope) -> None:
    arn = insert(service, scope, "a", "Executing", First="Succeeded", Second="Executing")

    assert fail_interrupted(service) == [arn]

    execution = found(service, arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == REASON
    assert execution["Steps"]["First"] == {"StepName": "First", "StepStatus": "Succeeded"}
    assert execution["Steps"]["Second"]["StepStatus"] == "Failed"
    assert execution["Steps"]["Second"]["FailureReason"] == REASON
    assert execution["Steps"]["Second"]["EndTime"] == execution["LastModifiedTime"]


def test_an_execution_that_was_being_stopped_is_stopped(service: Service) -> None:
    arn = insert(service, SCOPES[0], "a", "Stopping", Only="Executing")

    fail_interrupted(service)

    assert found(service, arn)["PipelineExecutionStatus"] == "Stopped"
    assert found(service, arn)["Steps"]["Only"]["StepStatus"] == "Stopped"


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped", "CompletedWithFailures"])
def test_an_execution_that_had_ended_stays_as_it_was(service: Service, status: str) -> None:
    arn = insert(service, SCOPES[0], "a", status, Only=status)
    before = found(service, arn)

    assert fail_interrupted(service) == []
    assert found(service, arn) == before
