"""When a run will probably end, and by when it has to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from runs.settings import Deadline
from runs.state import ActiveRun, Because, EndedRun, State, Status

SEEN_RUNS = 10  # Older ones say less: data and models grow.


@dataclass(frozen=True)
class Forecast:
    """When an active run will probably end, and when its output has to be there."""

    run_id: str
    finish_at: datetime
    deadline_at: datetime

    @property
    def late_seconds(self) -> float:
        """How much too late; 0 if it will be in time."""
        return max(0.0, (self.finish_at - self.deadline_at).total_seconds())


def forecasts(state: State, deadline: Deadline, now: datetime) -> list[Forecast]:
    """Of all active runs but backfill, which has no deadline."""
    return [
        Forecast(run_id, finish(run, state.recent, now), deadline_after(run.scheduled_at, deadline))
        for run_id, run in state.active.items()
        if run.because is not Because.BACKFILL
    ]


def finish(run: ActiveRun, recent: Sequence[EndedRun], now: datetime) -> datetime:
    """The end of this attempt if it takes as long as such runs do; now, if it takes longer already, or none is known."""
    expected = timedelta(seconds=expected_seconds(recent, run.input_bytes))
    return max(now, run.attempt_started_at + expected)


def expected_seconds(recent: Sequence[EndedRun], input_bytes: int | None) -> float:
    """The median of the last runs that needed one attempt (or of the others, if all did), scaled by bytes where both are known.

    0.0 when no run has published yet: then nothing is late before it is too late.
    """
    published = [run for run in recent if run.status is Status.PUBLISHED]
    smooth = [run for run in published if run.attempts == 1] or published
    if not smooth:
        return 0.0
    return statistics.median(run.seconds * _scale(run.input_bytes, input_bytes) for run in smooth[-SEEN_RUNS:])


def deadline_after(scheduled_at: datetime, deadline: Deadline) -> datetime:
    """The first moment after `scheduled_at` at which clocks in the deadline's time zone show its time of day.

    A time that a clock change leaves out is as much later as the clock jumps; of a time that comes twice, the first counts.
    """
    zone = ZoneInfo(deadline.time_zone)
    hour, minute = (int(part) for part in deadline.time.split(":"))
    today = scheduled_at.astimezone(zone).replace(
        hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None, fold=0
    )
    days = (today + timedelta(days=day) for day in range(3))
    # To UTC, since moments of one zone are compared by what its clocks show.
    moments = (moment.replace(tzinfo=zone).astimezone(scheduled_at.tzinfo) for moment in days)
    return next(moment for moment in moments if moment > scheduled_at)


def _scale(then: int | None, now: int | None) -> float:
    return now / then if then and now else 1.0
