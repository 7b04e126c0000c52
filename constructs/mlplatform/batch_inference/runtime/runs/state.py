"""What the controller knows about the runs of one pipeline: one JSON document, `run-state/<pipeline>.json` in the artifact bucket.

A *run* makes one output for one moment. An *attempt* is one pipeline execution that tries to make it. The *fence* is a
number that grows with each attempt: whoever holds an older one has been overtaken and may publish nothing. The
*generation* is the fence of the attempt that started a set of outputs; an attempt that goes on with them keeps it, and
with it the model and the versions of the input, which are recorded once for each generation.

What still has to be done in AWS is in the document, too, until it is confirmed: a run without an execution has to be
started, one that is `replaced` has to be stopped, a notice has to be told. So a function may die at any line.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from attempts.failures import Failure
from mlrecords.codec import InvalidDocumentError, from_json, to_json
from mlscaling.jobs.ladder import StepMemory

VERSION = 1
RECENT_RUNS = 50
NO_FENCE = 0
PREPARE_STEP, SCORE_STEP = "PrepareInput", "Score"
"""The steps whose jobs' needs are remembered, by their names in the pipeline."""


class StaleFenceError(Exception):
    """An execution is not, or no longer, the attempt that its run waits for; it has to end without doing anything."""


class Because(Enum):
    """Why a run was started."""

    SCHEDULE = "schedule"
    EVENTS = "events"
    MANUAL = "manual"
    BACKFILL = "backfill"


class Status(Enum):
    """How a run ended."""

    PUBLISHED = "published"
    FAILED = "failed"
    STOPPED = "stopped"
    REPLACED = "replaced"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class QueuedRun:
    """A run that waits for its turn. `input_uri` is what a person gave instead of the pipeline's default."""

    run_id: str
    scheduled_at: datetime
    because: Because
    again: bool = False
    input_uri: str | None = None


@dataclass(frozen=True)
class ActiveRun:
    """A run of which one attempt is starting, running, or waiting for `retry_at`."""

    fence: int
    generation: int
    attempt: int
    scheduled_at: datetime
    because: Because
    started_at: datetime
    """When the run's first attempt started."""
    attempt_started_at: datetime
    execution_arn: str | None = None
    retry_at: datetime | None = None
    again: bool = False
    input_uri: str | None = None
    replaced: bool = False
    """Another run takes its place as soon as its execution has been stopped."""
    continued: int = 0
    """How often another job went on where the one before it had no time left."""
    failure: Failure | None = None
    """Of the attempt before, if that failed."""
    late_told: bool = False
    input_bytes: int | None = None
    rows: int | None = None
    """Rows published; like the cost, known once PublishRun has counted them."""
    cost_usd: float | None = None
    warning: str | None = None
    """What PublishRun found that somebody should know, though it published."""


@dataclass(frozen=True)
class EndedRun:
    """What is remembered of a run that ended. `seconds` are from its first start to its end, waiting included."""

    run_id: str
    status: Status
    attempts: int
    seconds: float
    ended_at: datetime
    because: Because
    scheduled_at: datetime
    input_bytes: int | None = None
    rows: int | None = None
    cost_usd: float | None = None
    reason: str | None = None


class Subject(Enum):
    """What a notice tells."""

    PUBLISHED = "published"
    FAILED = "failed"
    STOPPED = "stopped"
    WARNING = "warning"
    LATE = "late"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class Notice:
    """Something to be told once: all of it as metrics, and what is not well to people."""

    notice_id: str
    subject: Subject
    run_id: str
    scheduled_at: datetime
    because: Because
    at: datetime
    attempts: int
    execution_arn: str | None = None
    failure: Failure | None = None
    forecast_at: datetime | None = None
    deadline_at: datetime | None = None
    claimed_until: datetime | None = None
    """Until then somebody is telling it; after that, it died while doing so."""


@dataclass(frozen=True)
class State:
    """All of it. Changed by `transitions`, kept by `store`."""

    created_at: datetime
    version: int = VERSION
    fence: int = NO_FENCE
    active: Mapping[str, ActiveRun] = field(default_factory=dict)
    queue: tuple[QueuedRun, ...] = ()
    backfill_parallel: int = 1
    recent: tuple[EndedRun, ...] = ()
    notices: tuple[Notice, ...] = ()
    memory: Mapping[str, StepMemory] = field(default_factory=dict)
    published_at: datetime | None = None
    """When a run last published."""

    def memory_of(self, step: str) -> StepMemory:
        """What earlier jobs of a step taught; nothing, before the first."""
        return self.memory.get(step, StepMemory())

    def with_memory(self, step: str, memory: StepMemory) -> "State":
        """The same, but for what is remembered of one step."""
        return replace(self, memory={**self.memory, step: memory})

    def with_active(self, run_id: str, run: ActiveRun) -> "State":
        """The same, but for one active run."""
        return replace(self, active={**self.active, run_id: run})

    def holder(self, run_id: str, fence: int) -> ActiveRun:
        """The active run of which `fence` is the present attempt. Raises StaleFenceError when it is not."""
        run = self.active.get(run_id)
        if run is None:
            raise StaleFenceError(
                f"StaleFence: run {run_id} is not active, so fence {fence} may do nothing; it ended, or was stopped, "
                "or this is an execution that was retried by hand: start the pipeline instead"
            )
        if run.replaced:
            raise StaleFenceError(
                f"StaleFence: run {run_id} is being replaced by a newer one; fence {fence} may do nothing"
            )
        if run.fence != fence:
            raise StaleFenceError(
                f"StaleFence: run {run_id} is at fence {run.fence}, so fence {fence} may do nothing; a later attempt took over"
            )
        return run


def encode(state: State) -> bytes:
    """The document's text."""
    return json.dumps(to_json(state), indent=1).encode()


def decode(text: bytes, name: str) -> State:
    """The state that a document's text holds. Raises InvalidDocumentError, with all problems, when it holds none."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidDocumentError(f"{name} is not JSON: {error}; restore its previous version") from error
    if isinstance(document, dict) and document.get("version", VERSION) != VERSION:
        raise InvalidDocumentError(
            f"{name} has version {document['version']!r}; this platform reads version {VERSION}: deploy it again"
        )
    return from_json(State, document, name)
