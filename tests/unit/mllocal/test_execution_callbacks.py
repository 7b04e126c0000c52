"""Tokens of callbacks whose execution has ended with its engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mllocal.errors import ApiError
from mllocal.execution.callbacks import KIND, WAITING, answer
from mllocal.execution.executor import Executor
from mllocal.jobs.runner import JobRunner
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Scope, Store

SCOPE = Scope("123456789012", "us-east-1")
EXECUTION = SCOPE.arn("pipeline/p/execution/abc")


def test_a_token_of_a_former_engine_is_not_known_any_more_and_says_why(tmp_path: Path) -> None:
    store = Store(tmp_path / "sagemaker.db")

    def emit(*event: Any) -> None:
        pass

    service = Service(store, emit, JobRunner(store, emit, tmp_path), Executor(), "", cast(Any, None))
    callback = {"Status": WAITING, "Message": {"pipelineExecutionArn": EXECUTION}}
    store.insert(KIND, SCOPE.arn("pipeline-callback/abcdefghij"), callback)

    with pytest.raises(ApiError, match="which does not run any more; start it again") as refused:
        answer(service, SCOPE, "abcdefghij", None, Status="Succeeded", OutputParameters=[])

    assert refused.value.code == "ResourceNotFound"
    store.close()
