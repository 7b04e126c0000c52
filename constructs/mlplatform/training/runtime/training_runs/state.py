"""What is known about the training jobs of one pipeline: one JSON document, `run-state/<pipeline>.json` in the artifact bucket.

Decisions are pure functions from a state to the next, and idempotent: to hear of an end again changes nothing. An execution that has to
be started is in the document until that is confirmed, so a function may die at any line.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from attempts.documents import DocumentStore
from attempts.failures import Failure, FailureKind
from attempts.machines import learn, machine_of
from mlrecords.codec import from_json, to_json
from mlscaling.ladder import Choice, Ladder, StepMemory, Usage, choose

from .settings import Settings

TRAIN_STEP = "Train"
ON_ANOTHER_MACHINE = (FailureKind.OUT_OF_MEMORY, FailureKind.NO_CAPACITY)
"""What another machine may help against. All else would fail again, or is tried again by the step itself."""


@dataclass(frozen=True)
class Planned:
    """The training job of an execution that has not ended yet, as it was planned."""

    instance_type: str
    input_bytes: int
    attempt: int


@dataclass(frozen=True)
class Again:
    """An execution to be started in the place of one that failed, as the attempt of this number."""

    failed_arn: str
    attempt: int

    @property
    def token(self) -> str:
        """The same for the same failure, so that SageMaker starts one execution however often it is asked."""
        return hashlib.sha256(self.failed_arn.encode()).hexdigest()


@dataclass(frozen=True)
class Ended:
    """How an execution ended: what its training job used, if that did its work, or why the execution failed."""

    usage: Usage | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class State:
    """All of it. `planned` is by the ARN of the execution."""

    planned: Mapping[str, Planned] = field(default_factory=dict)
    again: tuple[Again, ...] = ()
    memory: StepMemory = field(default_factory=StepMemory)


class TrainingStore(DocumentStore[State]):
    """The state of one pipeline's training."""

    def empty(self) -> State:
        """What is known before the first execution."""
        return State()

    def encode(self, state: State) -> bytes:
        """The document's text."""
        return json.dumps(to_json(state), indent=1).encode()

    def decode(self, text: bytes) -> State:
        """The state that a document's text holds. Raises InvalidDocumentError, with all problems, when it holds none."""
        return from_json(State, json.loads(text), self.uri)


def plan(
    state: State, ladder: Ladder, execution_arn: str, *, bytes: int, attempt: int, now: datetime
) -> tuple[State, Choice]:
    """The machine for the training job of an execution, which is watched from now on."""
    choice = choose(ladder, state.memory, bytes=bytes, now=now)
    planned = Planned(choice.instance_type, bytes, attempt)
    return replace(state, planned={**state.planned, execution_arn: planned}), choice


def end(state: State, execution_arn: str, ended: Ended, settings: Settings, now: datetime) -> State:
    """An execution has ended: remember what it taught, and have it started again if another machine may help.

    That is not so after the last attempt, nor when a job has run out of the most memory that the ladder has.
    """
    planned = state.planned.get(execution_arn)
    if planned is None:
        return state
    waiting = {arn: other for arn, other in state.planned.items() if arn != execution_arn}
    usage = [] if ended.usage is None else [ended.usage]
    state = replace(state, planned=waiting, memory=state.memory.with_usage(usage))
    failure = ended.failure
    if failure is None or failure.step != TRAIN_STEP or failure.kind not in ON_ANOTHER_MACHINE:
        return state
    machine = machine_of(settings.ladder, planned.instance_type, planned.input_bytes)
    memory = learn(state.memory, failure.kind, machine, now)
    following = choose(settings.ladder, memory, bytes=planned.input_bytes, now=now)
    may_go_on = planned.attempt < settings.max_attempts and not following.exhausted
    again = (Again(execution_arn, planned.attempt + 1),) if may_go_on else ()
    return replace(state, memory=memory, again=(*state.again, *again))


def confirm_started(state: State, again: Again) -> State:
    """An execution has been started, or cannot be."""
    return replace(state, again=tuple(other for other in state.again if other != again))
