"""What SageMaker's words for states mean. Pure."""

from datetime import timedelta

LATE = timedelta(minutes=15)
"""What is pinned later than this after a run's end may be what came after what the run used."""

_OPEN = frozenset(
    {
        *("Pending", "Scheduled", "Starting", "InProgress", "Executing", "Running", "Stopping"),
        *("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"),
    }
)
_SUCCEEDED = frozenset({"Completed", "Succeeded", "InService"})


def is_over(state: str) -> bool:
    """Whether a run in this state has done what it does: nothing of it changes by itself any more."""
    return state not in _OPEN


def has_succeeded(state: str) -> bool:
    """Whether a run in this state did what it was asked for."""
    return state in _SUCCEEDED
