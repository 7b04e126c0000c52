"""More executions than run at once: they wait in order, all finish, and can be stopped while they wait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mllocal
from mllocal.execution.executor import most_at_once
from mllocal.execution.interrupted import REASON
from tests.local.execution_steps import create, step_of, until
from tests.local.workbench import Workbench, shell_step

HELD = "while [ ! -e {gate} ]; do sleep 0.05; done"


def started(workbench: Workbench, arn: str) -> bool:
    """Whether an execution has had its turn."""
    return bool(workbench.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"])


def stop(workbench: Workbench, arn: str) -> None:
    token = f"stop-{arn[-12:]}".ljust(40, "0")
    workbench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)


def test_many_executions_all_finish_and_never_more_than_the_bound_run_jobs_at_once(
    workbench: Workbench, tmp_path: Path
) -> None:
    script = f"cd {tmp_path}; touch $$; ls | wc -l; sleep 0.2; rm $$"
    steps = (shell_step("First", script), shell_step("Second", script, depends_on=("First",)))
    name = create(workbench, *steps)

    arns = [workbench.start(name) for _ in range(most_at_once() + 8)]
    executions = [workbench.wait(arn) for arn in arns]

    jobs = [step["Metadata"]["ProcessingJob"]["Arn"] for one in executions for step in one.steps.values()]
    at_once = [int(workbench.log_lines("ProcessingJobs", job.rpartition("/")[2])[0]) for job in jobs]
    assert {execution.status for execution in executions} == {"Succeeded"}
    assert len(at_once) == 2 * len(arns)
    assert 1 <= max(at_once) <= most_at_once()


def test_an_execution_is_stopped_while_it_waits_and_runs_when_it_is_retried(
    workbench: Workbench, tmp_path: Path
) -> None:
    name = create(workbench, shell_step("Held", HELD.format(gate=tmp_path / "gate")))
    running = [workbench.start(name) for _ in range(most_at_once())]
    until(lambda: all(started(workbench, arn) for arn in running))
    waiting, last = workbench.start(name), workbench.start(name)

    status = workbench.sagemaker.describe_pipeline_execution(PipelineExecutionArn=waiting)["PipelineExecutionStatus"]
    stop(workbench, waiting)
    stopped = workbench.wait(waiting)
    has_begun = started(workbench, last)
    (tmp_path / "gate").touch()
    workbench.sagemaker.retry_pipeline_execution(PipelineExecutionArn=waiting, ClientRequestToken="r" * 32)

    assert (status, stopped.status, stopped.steps) == ("Executing", "Stopped", {})
    assert not has_begun
    assert {workbench.wait(arn).status for arn in (*running, last, waiting)} == {"Succeeded"}


def test_an_execution_that_waits_for_an_answer_keeps_nobody_waiting(workbench: Workbench) -> None:
    queue = workbench.engine.client("sqs").create_queue(QueueName=workbench.bucket)["QueueUrl"]
    callback = {"Name": "Ask", "Type": "Callback", "SqsQueueUrl": queue, "Arguments": {}, "OutputParameters": []}
    asking = create(
        workbench, callback, shell_step("After", "true", depends_on=("Ask",)), name=f"{workbench.bucket}-ask"
    )
    arns = [workbench.start(asking) for _ in range(most_at_once())]
    until(lambda: all(step_of(workbench, arn, "Ask").get("Metadata") for arn in arns))

    other = workbench.run(shell_step("Job", "true"))
    for arn in arns:
        token = step_of(workbench, arn, "Ask")["Metadata"]["Callback"]["CallbackToken"]
        workbench.sagemaker.send_pipeline_execution_step_success(CallbackToken=token)

    assert other.status == "Succeeded"
    assert {workbench.wait(arn).status for arn in arns} == {"Succeeded"}


def test_executions_that_waited_when_the_engine_stopped_are_failed_by_the_next_one(tmp_path: Path) -> None:
    workbench = Workbench.create(mllocal.up(tmp_path), "waited")
    name = create(workbench, shell_step("Sleep", "sleep 60"))
    running = [workbench.start(name) for _ in range(most_at_once())]
    until(lambda: all(started(workbench, arn) for arn in running))
    waited = [workbench.start(name) for _ in range(3)]

    mllocal.down(tmp_path)
    again = Workbench(mllocal.up(tmp_path), workbench.bucket)

    try:
        ended = [again.wait(arn) for arn in waited]
        others: list[Any] = [again.wait(arn).status for arn in running]
        assert [(one.status, one.steps, one.description["FailureReason"]) for one in ended] == [
            ("Failed", {}, REASON)
        ] * 3
        assert set(others) <= {"Failed", "Stopped"}, json.dumps(others)
    finally:
        mllocal.down(tmp_path)
