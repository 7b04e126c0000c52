"""What went wrong with an attempt, and whether trying again can help."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum


class FailureKind(Enum):
    """What went wrong, as far as it decides what to do next."""

    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NO_CAPACITY = "NO_CAPACITY"
    INTERNAL = "INTERNAL"
    THROTTLED = "THROTTLED"
    TIMEOUT = "TIMEOUT"
    INTERRUPTED = "INTERRUPTED"
    MORE_TO_SCORE = "MORE_TO_SCORE"
    DATA_CHECK = "DATA_CHECK"
    NO_MODEL = "NO_MODEL"
    EMPTY_INPUT = "EMPTY_INPUT"
    INPUT_CHANGED = "INPUT_CHANGED"
    MODEL_LOAD = "MODEL_LOAD"
    LADDER_EXHAUSTED = "LADDER_EXHAUSTED"
    SCRIPT = "SCRIPT"


@dataclass(frozen=True)
class Failure:
    """Why an attempt ended without having done its work."""

    kind: FailureKind
    step: str
    reason: str
    job_arn: str | None = None
    """The failed step's job or function."""


# The first that is found decides. Words of the platform's own jobs and functions come first: they know best.
_SIGNS = {
    FailureKind.MORE_TO_SCORE: r"\bMoreToScore:",
    FailureKind.DATA_CHECK: r"\bDataCheckFailed:",
    FailureKind.NO_MODEL: r"\bNoApprovedModel:",
    FailureKind.EMPTY_INPUT: r"\bEmptyInput:|No S3 objects found under S3 URL",
    FailureKind.INPUT_CHANGED: r"\bInputChanged:",
    FailureKind.MODEL_LOAD: r"\bModelLoadFailed:",
    FailureKind.LADDER_EXHAUSTED: r"\bLadderExhausted:",
    FailureKind.OUT_OF_MEMORY: (
        r"with more memory|out ?of ?memory|\bMemoryError\b|cannot allocate memory|unable to allocate|bad_alloc"
        r"|exit code:? (137|-9)\b"
    ),
    # A quota of zero for one type is, to a run, as if AWS had none: another type may do.
    FailureKind.NO_CAPACITY: (
        r"\bCapacityError|Insufficient\w*Capacity|Unable to provision requested ML compute|ResourceLimitExceeded"
    ),
    FailureKind.THROTTLED: r"Throttl(ing|ed)|Rate exceeded|TooManyRequests|SlowDown",
    FailureKind.TIMEOUT: r"max ?runtime|time limit|timed out|TimeoutError",
    # The last three: a function whose process died (AWS Lambda developer guide, "Runtime exited"), and what emulators say.
    FailureKind.INTERRUPTED: (
        r"\bStaleFence:|interrupt|stopped while|was stopped|terminated"
        r"|Runtime exited|Runtime\.ExitError|Worker process died"
    ),
    FailureKind.INTERNAL: r"\bIncompleteRun:|Internal(Server)?(Error|Failure|Exception)|internal error|ServiceUnavailable|SERVICE_FAULT",
}
_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _SIGNS.items()}


def classify(reason: str) -> FailureKind:
    """The kind of failure that a step's FailureReason tells; SCRIPT, the team's own code, when it tells none."""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(reason)), FailureKind.SCRIPT)


class Retry(Enum):
    """What a failed attempt is followed by."""

    FAILED_SHARDS = "failed_shards"
    ALL = "all"
    NEXT_RUN = "next_run"


@dataclass(frozen=True)
class FailurePolicy:
    """Which failures are tried again, how often, and after how long."""

    retry: Retry = Retry.FAILED_SHARDS
    max_attempts: int = 4
    backoff_seconds: float = 60
    backoff_rate: float = 2.0
    never: tuple[FailureKind, ...] = field(
        default=(
            FailureKind.DATA_CHECK,
            FailureKind.NO_MODEL,
            FailureKind.EMPTY_INPUT,
            FailureKind.MODEL_LOAD,
            FailureKind.LADDER_EXHAUSTED,
        )
    )

    def attempts(self, kind: FailureKind) -> int:
        """How many attempts a run has that fails like this. A script that fails twice the same way fails a third time, too."""
        if kind in self.never or self.retry is Retry.NEXT_RUN:
            return 1
        return min(2, self.max_attempts) if kind is FailureKind.SCRIPT else self.max_attempts

    def wait(self, kind: FailureKind, attempt: int) -> timedelta:
        """How long to wait after this attempt. More memory helps at once; everything else needs time to get better."""
        if kind is FailureKind.OUT_OF_MEMORY:
            return timedelta(0)
        return timedelta(seconds=self.backoff_seconds * self.backoff_rate ** (attempt - 1))
