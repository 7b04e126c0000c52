"""Until when a training job may wait for spot capacity: as long as it can still be done on demand before its deadline. Pure.

On demand, the execution begins anew. What that takes is what this one took up to its training job, and then what earlier ones took from
the start of their training job to their end; before one is known, as long as the job may run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MARGIN = timedelta(minutes=10)
"""For the training job to stop, which takes up to two minutes (API reference, StopTrainingJob), and for instances to come."""
SLOWER = 1.25
"""An execution is expected to be able to take so many times as long as the slowest one before it."""
FINISHES = 20
"""So many are remembered: data and models change."""


@dataclass(frozen=True)
class Finish:
    """How long an execution took from the start of its training job to its end. None of the time was lost to an interruption."""

    input_bytes: int
    seconds: float


def finish_seconds(finishes: Sequence[Finish], *, bytes: int, max_runtime_seconds: float) -> float:
    """How long that may take with so much input. Time grows as input does, up to what a job may run; it is not expected to shrink."""
    if not finishes:
        return max_runtime_seconds
    known = [
        max(found.seconds, min(found.seconds * bytes / max(found.input_bytes, 1), max_runtime_seconds))
        for found in finishes
    ]
    return SLOWER * max(known)


def spot_until(
    ready_by: datetime, finishes: Sequence[Finish], *, bytes: int, prepare_seconds: float, max_runtime_seconds: float
) -> datetime:
    """The last moment at which to begin anew on demand; `prepare_seconds` were needed before the training job."""
    needed = prepare_seconds + finish_seconds(finishes, bytes=bytes, max_runtime_seconds=max_runtime_seconds)
    return ready_by - MARGIN - timedelta(seconds=needed)


def is_to_move(until: datetime, now: datetime, *, has_machine: bool) -> bool:
    """Whether a job on spot capacity is to be done on demand instead: one that runs would not be done any sooner."""
    return now >= until and not has_machine
