"""What is known about the training jobs of one pipeline: one JSON document, `run-state/<pipeline>.json` in the artifact bucket.

An execution that has to be started is in the document until that is confirmed, so a function may die at any line.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from attempts.documents import DocumentStore
from mlrecords.codec import from_json, to_json
from mlscaling.jobs.ladder import StepMemory
from mlscaling.jobs.spot import Finish


@dataclass(frozen=True)
class Spot:
    """Of an execution on spot capacity: when its model has to be ready, and how long it took up to its training job."""

    ready_by: datetime
    prepare_seconds: float
    moves: bool = False
    """It is being stopped, to be done on demand."""


@dataclass(frozen=True)
class Planned:
    """The training job of an execution that has not ended yet, as it was planned; `spot` if it can still move to on demand."""

    instance_type: str
    input_bytes: int
    attempt: int
    spot: Spot | None = None
    moved: bool = False
    """It is on demand, after others were on spot capacity."""


@dataclass(frozen=True)
class Again:
    """An execution to be started in the place of one that failed or waited, as the attempt of this number."""

    failed_arn: str
    attempt: int
    on_demand: bool = False
    ready_by: datetime | None = None

    @property
    def token(self) -> str:
        """The same for the same failure, so that SageMaker starts one execution however often it is asked."""
        return hashlib.sha256(self.failed_arn.encode()).hexdigest()

    @property
    def description(self) -> str:
        """Why it is started, for people."""
        how = "on demand" if self.on_demand else "on another machine"
        ready = "" if self.ready_by is None else f", to be ready by {self.ready_by:%Y-%m-%d %H:%M} UTC"
        return f"Attempt {self.attempt}, {how}{ready}, after {self.failed_arn}"


@dataclass(frozen=True)
class State:
    """All of it. `planned` is by the ARN of the execution."""

    planned: Mapping[str, Planned] = field(default_factory=dict)
    again: tuple[Again, ...] = ()
    memory: StepMemory = field(default_factory=StepMemory)
    no_capacity_on_demand: Mapping[str, datetime] = field(default_factory=dict)
    """As in `memory`, of executions that have moved: what is short on spot capacity need not be so on demand."""
    finishes: tuple[Finish, ...] = ()

    def memory_for(self, *, moved: bool) -> StepMemory:
        """What is known about machines of this kind of capacity."""
        return replace(self.memory, no_capacity=self.no_capacity_on_demand) if moved else self.memory

    def with_memory(self, memory: StepMemory, *, moved: bool) -> "State":
        """After something was learned on this kind of capacity."""
        if not moved:
            return replace(self, memory=memory)
        kept = replace(memory, no_capacity=self.memory.no_capacity)
        return replace(self, memory=kept, no_capacity_on_demand=memory.no_capacity)

    def with_planned(self, execution_arn: str, planned: Planned) -> "State":
        """With an execution as it is planned now."""
        return replace(self, planned={**self.planned, execution_arn: planned})


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
