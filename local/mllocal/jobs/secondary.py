"""The secondary status of training jobs: where a job is within its status, and when it came there."""

from __future__ import annotations

import time
from typing import Any

from mllocal.sagemaker.store import Document

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted: the managed spot instances were taken back",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job waited longer for managed spot instances than MaxWaitTimeInSeconds provided",
}


def entered(document: Document, status: str) -> dict[str, Any]:
    """The changes that take a job to its next secondary status, closing the one before."""
    now = time.time()
    transitions = [dict(transition) for transition in document["SecondaryStatusTransitions"]]
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": _MESSAGES[status]})
    return {"SecondaryStatus": status, "SecondaryStatusTransitions": transitions}


def ended(document: Document, status: str) -> dict[str, Any]:
    """The changes at a job's end; none for kinds of jobs that have no secondary status."""
    if "SecondaryStatusTransitions" not in document:
        return {}
    changes = entered(document, status)
    changes["SecondaryStatusTransitions"][-1]["EndTime"] = time.time()
    return changes
