"""Steps that run because another one failed, was stopped, or ended either way."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.execution_steps import create, run, step_of, until
from tests.local.workbench import Workbench, shell_step


def after(name: str, other: str, trigger: str, script: str = "true") -> dict[str, Any]:
    return {**shell_step(name, script).to_json(), "DependsOn": [{"Step": other, "Trigger": trigger}]}


def test_a_handled_failure_runs_its_handlers_and_the_rest(workbench: Workbench) -> None:
    execution = run(
        workbench,
        shell_step("Train", "exit 1"),
        after("Notify", "Train", "Failed"),
        after("Clean", "Train", "Any"),
        after("Publish", "Train", "Completed"),
        after("Resume", "Train", "Stopped"),
        shell_step("AfterNotify", "true", depends_on=("Notify",)),
    )

    assert execution.status == "CompletedWithFailures"
    assert execution.statuses == {
        "Train": "Failed",
        "Notify": "Succeeded",
        "Clean": "Succeeded",
        "AfterNotify": "Succeeded",
    }


def test_handlers_of_a_failure_that_did_not_happen_do_not_run(workbench: Workbench) -> None:
    execution = run(
        workbench, shell_step("Train", "true"), after("Notify", "Train", "Failed"), after("Clean", "Train", "Any")
    )

    assert execution.status == "Succeeded"
    assert execution.statuses == {"Train": "Succeeded", "Clean": "Succeeded"}


def test_a_handler_that_fails_fails_the_execution(workbench: Workbench) -> None:
    execution = run(workbench, shell_step("Train", "exit 1"), after("Notify", "Train", "Failed", "exit 2"))

    assert execution.status == "Failed"
    assert execution.statuses == {"Train": "Failed", "Notify": "Failed"}


def test_a_job_stopped_by_someone_stops_its_step_and_runs_what_waits_for_that(workbench: Workbench) -> None:
    name = create(workbench, shell_step("Train", "sleep 60"), after("Resume", "Train", "Stopped"))
    arn = workbench.start(name)
    job: str = until(lambda: step_of(workbench, arn, "Train").get("Metadata") or {})["ProcessingJob"]["Arn"]

    workbench.sagemaker.stop_processing_job(ProcessingJobName=job.rsplit("/", 1)[-1])
    execution = workbench.wait(arn)

    assert execution.status == "CompletedWithFailures"
    assert execution.statuses == {"Train": "Stopped", "Resume": "Succeeded"}


def test_an_unknown_trigger_is_refused_with_those_there_are(workbench: Workbench) -> None:
    with pytest.raises(ClientError, match="use one of 'Completed', 'Failed', 'Stopped', 'Any'"):
        create(workbench, shell_step("Train", "true"), after("Notify", "Train", "Sometimes"))
