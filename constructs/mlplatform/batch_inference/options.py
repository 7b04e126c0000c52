"""What a team may say about its batch inference; every part has a default."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones

from mlplatform.pipeline.problems import raise_if_any
from mlplatform.scaling import InstanceLadder

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MAX_ATTEMPTS = 20
_MAX_BACKOFF_SECONDS = 24 * 3600
_DAY_HOURS = 24


class Overlap(StrEnum):
    """What a run does that is due while another run of the same pipeline is at work."""

    WAIT = "wait"
    """It starts when the other has ended; runs that wait keep their order."""
    SKIP = "skip"
    """It is left out."""
    REPLACE = "replace"
    """The other is stopped; what it wrote is never published."""


class Retry(StrEnum):
    """What a failed run does (Mercari's ml-system-design-pattern, "Batch pattern")."""

    FAILED_SHARDS = "failed_shards"
    """It goes on with the parts that are not predicted yet."""
    ALL = "all"
    """It starts from its beginning."""
    NEXT_RUN = "next_run"
    """Nothing: the next run comes by itself."""


class Failure(StrEnum):
    """Why an attempt fails, as far as what to do about it depends on it."""

    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NO_CAPACITY = "NO_CAPACITY"
    INTERNAL = "INTERNAL"
    THROTTLED = "THROTTLED"
    TIMEOUT = "TIMEOUT"
    INTERRUPTED = "INTERRUPTED"
    DATA_CHECK = "DATA_CHECK"
    NO_MODEL = "NO_MODEL"
    EMPTY_INPUT = "EMPTY_INPUT"
    INPUT_CHANGED = "INPUT_CHANGED"
    MODEL_LOAD = "MODEL_LOAD"
    LADDER_EXHAUSTED = "LADDER_EXHAUSTED"
    SCRIPT = "SCRIPT"


NEVER_RETRIED = (
    Failure.DATA_CHECK,
    Failure.NO_MODEL,
    Failure.EMPTY_INPUT,
    Failure.MODEL_LOAD,
    Failure.LADDER_EXHAUSTED,
)
"""What fails the same way again, and costs as much."""


@dataclass(frozen=True, kw_only=True)
class FailurePolicy:
    """What happens after a failed attempt of a run.

    An attempt that ran out of memory or found no capacity climbs the instance ladder. One that failed for its data, its
    model or an input that is not there would fail again, as would one for which no instance of the ladder has the memory:
    such kinds are in `never`. A script's own failure is tried once
    more. The wait before the n-th retry is `backoff_seconds * backoff_rate ** (n - 1)`.

    Raises `InvalidPropsError` with every number that is out of range.
    """

    retry: Retry = Retry.FAILED_SHARDS
    max_attempts: int = 4
    backoff_seconds: int = 60
    backoff_rate: float = 2.0
    never: Sequence[Failure] = NEVER_RETRIED

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= self.max_attempts <= _MAX_ATTEMPTS:
            problems.append(f"max_attempts is {self.max_attempts}; use 1 to {_MAX_ATTEMPTS}")
        if not 0 <= self.backoff_seconds <= _MAX_BACKOFF_SECONDS:
            problems.append(f"backoff_seconds is {self.backoff_seconds}; use 0 to {_MAX_BACKOFF_SECONDS}")
        if not self.backoff_rate >= 1:
            problems.append(f"backoff_rate is {self.backoff_rate}; use 1 or more")
        raise_if_any("FailurePolicy", problems)

    def to_json(self) -> dict[str, Any]:
        """What the controller reads."""
        return {
            "retry": str(self.retry),
            "max_attempts": self.max_attempts,
            "backoff_seconds": self.backoff_seconds,
            "backoff_rate": self.backoff_rate,
            "never": [str(kind) for kind in self.never],
        }


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """When a run's output has to be there: the first `time` (such as `06:00`) in `time_zone` after the run is due.

    Raises `InvalidPropsError` if it is no time of day, or there is no such time zone.
    """

    time: str
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        problems = []
        if not _TIME_OF_DAY.fullmatch(self.time):
            problems.append(f"time is '{self.time}'; use hours and minutes, such as '06:00'")
        if self.time_zone not in available_timezones():
            problems.append(f"time_zone '{self.time_zone}' is unknown; use a name such as 'Asia/Tokyo'")
        raise_if_any("Deadline", problems)

    def to_json(self) -> dict[str, Any]:
        """What the controller reads."""
        return {"time": self.time, "time_zone": self.time_zone}


@dataclass(frozen=True, kw_only=True)
class RunPolicy:
    """How the runs of one pipeline live together, fail and are missed.

    Parameters:
        overlap: what happens to a run that is due while another is at work.
        failure: what happens after a failed attempt.
        deadline: an alert goes out as soon as a run is forecast to end after it; none when not given.
        grace_hours: how much older than the longest gap of the schedule the newest output may get before the dead man's
            switch says that nothing runs any more. Without a schedule there is no such switch.

    Raises `InvalidPropsError` if `grace_hours` is out of range.
    """

    overlap: Overlap = Overlap.WAIT
    failure: FailurePolicy = field(default_factory=FailurePolicy)
    deadline: Deadline | None = None
    grace_hours: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.grace_hours <= 31 * _DAY_HOURS:
            raise_if_any("RunPolicy", [f"grace_hours is {self.grace_hours}; use more than 0, up to {31 * _DAY_HOURS}"])


@dataclass(frozen=True)
class NewestApproved:
    """The newest approved version in the project's registry, looked up when a run begins."""

    def to_json(self) -> dict[str, Any]:
        """What the step BeginRun reads."""
        return {"kind": "newest_approved"}


@dataclass(frozen=True)
class PinnedVersion:
    """One version of the project's registry, approved or not, until somebody changes the number.

    Raises `InvalidPropsError` if `version` is not positive.
    """

    version: int

    def __post_init__(self) -> None:
        if self.version < 1:
            raise_if_any("PinnedVersion", [f"version is {self.version}; versions count from 1"])

    def to_json(self) -> dict[str, Any]:
        """What the step BeginRun reads."""
        return {"kind": "pinned", "version": self.version}


@dataclass(frozen=True, kw_only=True)
class ChampionChallenger:
    """The newest approved version predicts what is published; the newest one that waits for approval predicts beside it.

    After each run a report compares the two; predictions that differ by at most `tolerance` of the champion's count as
    equal. A challenger that fails never touches what was published.

    Raises `InvalidPropsError` if `tolerance` is negative.
    """

    tolerance: float = 0.01

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise_if_any("ChampionChallenger", [f"tolerance is {self.tolerance}; use 0 or more, such as 0.01 for 1 %"])

    def to_json(self) -> dict[str, Any]:
        """What the step BeginRun reads."""
        return {"kind": "champion_challenger"}


ModelChoice = NewestApproved | PinnedVersion | ChampionChallenger


class CheckAction(StrEnum):
    """What a run does about input that is not like what the model was trained on."""

    STOP = "stop"
    """The run fails, and says what is wrong."""
    WARN = "warn"
    """It goes on, and the report and an alert say what is wrong."""
    SET_ASIDE = "set_aside"
    """Rows that break a rule are not predicted for; they are kept with the reason, and counted."""


@dataclass(frozen=True, kw_only=True)
class DataChecks:
    """What is asked of the input before, and of input and predictions after a run.

    The baseline is what the model version was registered with (`TrainingChecks`, data quality); without one, the previous
    published run of the same model. Drift is the population stability index; above 0.25 is commonly read as a major shift
    (Siddiqi, Credit Risk Scorecards, 2006).

    Raises `InvalidPropsError` with every number that is out of range.
    """

    input: CheckAction = CheckAction.WARN
    drift_threshold: float = 0.25

    def __post_init__(self) -> None:
        if not self.drift_threshold > 0:
            raise_if_any("DataChecks", [f"drift_threshold is {self.drift_threshold}; use more than 0, such as 0.25"])

    def to_json(self) -> dict[str, Any]:
        """What the steps read."""
        return {"input": str(self.input), "drift_threshold": self.drift_threshold}


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """On what the model runs, for how long, and in which pieces.

    Parameters:
        ladder: the machines that jobs may run on; the project's types without GPUs, the cheapest first, when not given.
        max_hours: how long one scoring job may run; what takes longer is split into several, one after another. 6, or as
            long as the project's jobs may run if that is less, when not given.
        part_rows: how many rows a part has: what one machine reads at once, and what is not predicted twice when a job
            dies. As many as take about 32 MiB when not given.
        json_lines: whether the same rows lie beside each Parquet file as JSON lines, for readers without Parquet, such as the floor
            of an endpoint (`mlscaling.PublishedForecast`). For outputs of some thousand rows: they are larger, and slower to write.

    Raises `InvalidPropsError` if a number is not positive.
    """

    ladder: InstanceLadder | None = None
    max_hours: int | None = None
    part_rows: int | None = None
    json_lines: bool = False

    def __post_init__(self) -> None:
        numbers = (("max_hours", self.max_hours), ("part_rows", self.part_rows))
        raise_if_any(
            "Scoring",
            [
                f"{name} is {value}; use 1 or more, or leave it out"
                for name, value in numbers
                if value is not None and value < 1
            ],
        )
