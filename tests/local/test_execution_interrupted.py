"""An execution that ran when the engine was killed: told to have failed, and retried by the next engine."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, cast

import mllocal
from mllocal.directories import StateDirectory
from mllocal.execution.executor import Executor
from mllocal.execution.interrupted import REASON, fail_interrupted
from mllocal.jobs.runner import JobRunner
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Store
from tests.local.execution_steps import create, step_of, until
from tests.local.workbench import Workbench, shell_step


def fail_interrupted_in(state: StateDirectory) -> None:
    """What the next engine does when it starts."""

    def emit(*event: Any) -> None:
        pass

    store = Store(state.database)
    fail_interrupted(Service(store, emit, JobRunner(store, emit, state.jobs), Executor(), "", cast(Any, None)))
    store.close()


def test_a_killed_engine_leaves_no_execution_running_and_a_retry_keeps_what_succeeded(tmp_path: Path) -> None:
    engine = mllocal.up(tmp_path)
    workbench = Workbench.create(engine, "killed")
    steps = (shell_step("First", "true"), shell_step("Second", "sleep 3", depends_on=("First",)))
    arn = workbench.start(create(workbench, *steps))
    until(lambda: step_of(workbench, arn, "Second").get("StepStatus") == "Executing")
    first = step_of(workbench, arn, "First")

    os.kill(engine.pid, signal.SIGKILL)
    until(lambda: mllocal.engine(tmp_path) is None)
    fail_interrupted_in(StateDirectory.of(tmp_path))
    again = Workbench(mllocal.up(tmp_path), workbench.bucket)

    try:
        interrupted = again.wait(arn)
        again.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="r" * 32)
        retried = again.wait(arn)
        assert interrupted.status == "Failed"
        assert interrupted.description["FailureReason"] == REASON
        assert interrupted.statuses == {"First": "Succeeded", "Second": "Failed"}
        assert retried.status == "Succeeded"
        assert retried.steps["First"] == first
    finally:
        mllocal.down(tmp_path)
