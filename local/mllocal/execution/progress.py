"""The record of an execution while it runs: its document in the store, and the events that EventBridge is told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope, scope_of

LONGEST_STEP_REASON = 1024
LONGEST_EXECUTION_REASON = 1300
MOST_PARALLEL_STEPS = 50
_RUNNING_STEP_STATUSES = ("Starting", "Executing", "Stopping")


class Progress:
    """What is known of one execution; `step_types` has the type of each of its steps by name."""

    def __init__(self, service: Service, execution: Document, step_types: Mapping[str, str]) -> None:
        self._service = service
        self._execution = execution
        self._arn: str = execution["PipelineExecutionArn"]
        self._scope: Scope = scope_of(self._arn)
        self._step_types = step_types

    def started(self) -> None:
        """Tell that the execution runs."""
        self._emit_status("Executing")

    def parallel_limit(self) -> int:
        """How many steps may run at once, now: an execution's limit can be changed while it runs."""
        execution = self._service.store.get(self._arn) or {}
        limit: int = (execution.get("ParallelismConfiguration") or {}).get(
            "MaxParallelExecutionSteps", MOST_PARALLEL_STEPS
        )
        return limit

    def step(self, name: str, **changes: Any) -> None:
        """Record changes of a step; a change of its status is an event."""
        if changes.get("FailureReason"):
            changes["FailureReason"] = changes["FailureReason"][:LONGEST_STEP_REASON]

        def change(document: Document) -> None:
            document["Steps"].setdefault(name, {}).update(changes)
            document["LastModifiedTime"] = time.time()

        step = self._service.store.update(self._arn, change)["Steps"][name]
        if "StepStatus" in changes:
            self._emit_step(name, step)

    def finish(self, status: str, reason: str | None) -> None:
        """Record how the execution ended. No step is left running, not even after a defect of the engine."""
        reason = reason and reason[:LONGEST_EXECUTION_REASON]

        def change(document: Document) -> None:
            end_document(document, status, reason)

        self._emit_status(status, self._service.store.update(self._arn, change))

    def _emit_step(self, name: str, step: Document) -> None:
        detail = {
            "pipelineArn": self._execution["PipelineArn"],
            "pipelineExecutionArn": self._arn,
            "stepName": name,
            "stepType": self._step_types[name],
            "currentStepStatus": step["StepStatus"],
            "stepStartTime": iso_time(step["StartTime"]),
            **({"stepEndTime": iso_time(step["EndTime"])} if "EndTime" in step else {}),
            "failureReason": step.get("FailureReason"),
            "metadata": step.get("Metadata", {}),
        }
        self._emit("SageMaker Model Building Pipeline Execution Step Status Change", detail)

    def _emit_status(self, status: str, ended: Document | None = None) -> None:
        detail = {
            "pipelineArn": self._execution["PipelineArn"],
            "pipelineExecutionArn": self._arn,
            "pipelineExecutionDisplayName": self._execution["PipelineExecutionDisplayName"],
            "currentPipelineExecutionStatus": status,
            "executionStartTime": iso_time(self._execution["StartTime"]),
        }
        if ended is not None:
            detail |= {
                "executionEndTime": iso_time(ended["LastModifiedTime"]),
                "failureReason": ended["PipelineExecutionFailureReason"],
            }
        self._emit("SageMaker Model Building Pipeline Execution Status Change", detail)

    def _emit(self, detail_type: str, detail: Document) -> None:
        resources = [self._execution["PipelineArn"], self._arn]
        self._service.emit(self._scope, detail_type, resources, detail)


def end_document(execution: Document, status: str, reason: str | None) -> None:
    """Change an execution's document to one that has ended, with the steps that still run."""
    now = time.time()
    execution.update(
        PipelineExecutionStatus=status,
        FailureReason=reason,
        PipelineExecutionFailureReason=reason,
        LastModifiedTime=now,
    )
    for step in execution["Steps"].values():
        if step["StepStatus"] in _RUNNING_STEP_STATUSES:
            step.update(StepStatus=status, EndTime=now, FailureReason=reason)


def iso_time(epoch_seconds: float) -> str:
    """A time as pipeline variables and events write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))
