"""What SageMaker's words for states mean. Pure."""

_OPEN = frozenset(
    """Pending Scheduled Starting InProgress Executing Running Stopping Creating Updating SystemUpdating RollingBack
    Deleting""".split()
)
SUCCEEDED = frozenset({"Completed", "Succeeded", "InService"})


def is_over(state: str) -> bool:
    """Whether a run in this state has done what it does: nothing of it changes by itself any more."""
    return state not in _OPEN
