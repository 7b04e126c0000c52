"""Retry policies on real jobs that fail on request."""

from __future__ import annotations

import time

from mlpipelines import RetryPolicy
from tests.local.execution_steps import create, step_of, until
from tests.local.workbench import Workbench, shell_step

CAPACITY = "SageMaker.CAPACITY_ERROR"
INTERNAL = "SageMaker.JOB_INTERNAL_ERROR"


def policy(*exception_types: str, max_attempts: int, interval_seconds: int = 0) -> RetryPolicy:
    return RetryPolicy(
        exception_types=exception_types, max_attempts=max_attempts, interval_seconds=interval_seconds, backoff_rate=1
    )


def test_a_step_is_tried_again_until_there_is_capacity(workbench: Workbench) -> None:
    step = shell_step(
        "Scarce",
        "echo done > /opt/ml/processing/output/done",
        environment={"MLP_FAULT": "capacity:2"},
        outputs=(workbench.output("scarce"),),
        retry_policies=(policy(CAPACITY, max_attempts=2),),
    )

    execution = workbench.run(step)

    assert execution.status == "Succeeded"
    assert execution.steps["Scarce"]["AttemptCount"] == 3
    assert "FailureReason" not in execution.steps["Scarce"]
    assert workbench.get("scarce/done") == "done\n"
    jobs = workbench.sagemaker.list_processing_jobs(NameContains=execution.arn[-12:])["ProcessingJobSummaries"]
    assert sorted(job["ProcessingJobStatus"] for job in jobs) == ["Completed", "Failed", "Failed"]
    last = next(job for job in jobs if job["ProcessingJobStatus"] == "Completed")
    assert execution.steps["Scarce"]["Metadata"]["ProcessingJob"]["Arn"] == last["ProcessingJobArn"]


def test_a_step_that_fails_more_often_than_its_policy_allows_has_failed(workbench: Workbench) -> None:
    step = shell_step(
        "Scarce",
        "true",
        environment={"MLP_FAULT": "capacity:5"},
        retry_policies=(policy(CAPACITY, max_attempts=1),),
    )

    execution = workbench.run(step)

    assert execution.status == "Failed"
    assert execution.steps["Scarce"]["AttemptCount"] == 2
    assert execution.reason("Scarce").startswith("CapacityError: ")


def test_a_policy_for_other_failures_does_not_count(workbench: Workbench) -> None:
    policies = (policy(CAPACITY, max_attempts=3), policy(INTERNAL, max_attempts=1))
    steps = [
        shell_step("Crash", "exit 3", retry_policies=policies),
        shell_step("Both", "true", environment={"MLP_FAULT": "capacity:1 internal:1"}, retry_policies=policies),
        shell_step("Internal", "true", environment={"MLP_FAULT": "internal:1"}),
    ]

    executions = {step.name: workbench.run(step) for step in steps}

    attempts = {name: execution.steps[name]["AttemptCount"] for name, execution in executions.items()}
    assert attempts == {"Crash": 1, "Both": 3, "Internal": 1}
    assert {name: execution.status for name, execution in executions.items()} == {
        "Crash": "Failed",
        "Both": "Succeeded",
        "Internal": "Failed",
    }


def test_a_step_that_waits_for_its_next_attempt_can_be_stopped(workbench: Workbench) -> None:
    step = shell_step(
        "Patient",
        "true",
        environment={"MLP_FAULT": "capacity:1"},
        retry_policies=(policy(CAPACITY, max_attempts=1, interval_seconds=600),),
    )
    arn = workbench.start(create(workbench, step))
    failed = {"NameContains": arn[-12:], "StatusEquals": "Failed"}
    until(lambda: workbench.sagemaker.list_processing_jobs(**failed)["ProcessingJobSummaries"])
    started = time.monotonic()

    workbench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)

    execution = workbench.wait(arn)
    assert time.monotonic() - started < 60
    assert execution.status == "Stopped"
    assert step_of(workbench, arn, "Patient")["StepStatus"] == "Stopped"
