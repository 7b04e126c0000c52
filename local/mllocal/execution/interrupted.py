"""After a restart: executions that ran when the last engine ended are told to have failed, never to run."""

from __future__ import annotations

from mllocal.execution.progress import end_document
from mllocal.sagemaker.kinds import EXECUTION
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document

REASON = "the embedded AWS stopped while this execution ran; start it again or retry it"
_ENDED_AS = {"Executing": "Failed", "Stopping": "Stopped"}


def fail_interrupted(service: Service) -> list[str]:
    """Mark every execution that a former engine left running as Failed, and one it was stopping as Stopped; its steps too.

    To be called before the first execution starts. Returns their ARNs. Each can be retried: what had succeeded is kept.
    """
    interrupted = [
        execution["PipelineExecutionArn"]
        for execution in service.store.everywhere(EXECUTION.name)
        if execution["PipelineExecutionStatus"] in _ENDED_AS
    ]
    for arn in interrupted:
        service.store.update(arn, _end)
    return interrupted


def _end(execution: Document) -> None:
    status = _ENDED_AS[execution["PipelineExecutionStatus"]]
    end_document(execution, status, REASON if status == "Failed" else None)
