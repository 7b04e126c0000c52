"""The instances of an endpoint with inference components, and which copies are on them.

Sources: Amazon SageMaker AI developer guide, "Deploy models for real-time inference"; API reference,
`InferenceComponentComputeResourceRequirements`, `InferenceComponentSchedulingConfig`, `ProductionVariantManagedInstanceScaling`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mllocal.endpoints.instance import Instance, Place
from mllocal.sagemaker.store import Document
from mlpipelines.instance_types import INSTANCE_TYPES

# How long an instance is kept that no copy is on; AWS documents no number.
IDLE_SECONDS = 60
POLL_SECONDS = 0.05
_MIB_PER_GIB = 1024
_NO_ROOM = (
    "There is not enough hardware resources on the instances for this endpoint variant to create a copy of the inference component. "
    "Please update resource requirements for this inference component, remove existing inference components, or increase the number "
    "of instances for this endpoint variant."
)


class NoRoomError(Exception):
    """No instance has room for a copy, and there may be no further one. The message is AWS's."""


@dataclass(frozen=True)
class Room:
    """What a copy needs, or an instance has."""

    cpus: float
    gpus: float
    memory_mb: float

    @classmethod
    def needed(cls, requirements: Document) -> Room:
        """By a copy: `ComputeResourceRequirements`."""
        return cls(
            float(requirements.get("NumberOfCpuCoresRequired", 0)),
            float(requirements.get("NumberOfAcceleratorDevicesRequired", 0)),
            float(requirements["MinMemoryRequiredInMb"]),
        )

    @classmethod
    def of_type(cls, instance_type: str) -> Room:
        """On an instance without copies. AWS keeps some of it for itself, and does not say how much."""
        known = INSTANCE_TYPES[instance_type]
        return cls(known.vcpus, known.gpus, known.memory_gib * _MIB_PER_GIB)

    def without(self, other: Room) -> Room:
        """What is left."""
        return Room(self.cpus - other.cpus, self.gpus - other.gpus, self.memory_mb - other.memory_mb)

    @property
    def is_there(self) -> bool:
        """Whether nothing is missing."""
        return min(self.cpus, self.gpus, self.memory_mb) >= 0


@dataclass
class Machine:
    """One instance: when it is provisioned, and the copies on it with what they need."""

    whole: Room
    ready_at: float
    copies: list[tuple[Instance, Room]] = field(default_factory=list)
    idle_since: float = field(default_factory=time.time)

    def free(self) -> Room:
        """What copies that have not ended leave."""
        self.copies = [(copy, room) for copy, room in self.copies if not copy.has_ended]
        if self.copies:
            self.idle_since = time.time()
        left = self.whole
        for _, room in self.copies:
            left = left.without(room)
        return left


@dataclass(frozen=True)
class Limits:
    """How many instances there may be, and how many there are at first."""

    least: int
    most: int
    initial: int

    @classmethod
    def of(cls, variant: Document) -> Limits:
        """Of a production variant: as many as it says, unless SageMaker manages them."""
        initial = int(variant["InitialInstanceCount"])
        managed = variant.get("ManagedInstanceScaling", {})
        if managed.get("Status") != "ENABLED":
            return cls(initial, initial, initial)
        return cls(managed.get("MinInstanceCount", initial), managed.get("MaxInstanceCount", initial), initial)


class Machines:
    """The instances of one variant: more come for copies that find no room, and those without copies go."""

    def __init__(self, place: Place, variant: Document, count: int | None = None) -> None:
        self._place = place
        self._lock = threading.Lock()
        self.variant = variant
        self.limits = Limits.of(variant)
        self._machines = [self._new() for _ in range(self.limits.initial if count is None else count)]

    @property
    def count(self) -> int:
        """How many there are, those included that are still coming."""
        return len(self._machines)

    def become(self, variant: Document) -> None:
        """Take over other limits. Instances with copies stay until those have gone."""
        with self._lock:
            self.variant = variant
            self.limits = Limits.of(variant)
            more = self.limits.least - len(self._machines)
            self._machines += [self._new() for _ in range(more)]

    def wait_until_ready(self, closing: threading.Event) -> None:
        """Return when all are provisioned."""
        last = max((machine.ready_at for machine in self._machines), default=0.0)
        closing.wait(max(last - time.time(), 0))

    def put(self, room: Room, start: Callable[[Place], Instance], *, pack: bool, closing: threading.Event) -> Instance:
        """Start a copy where there is room: on the emptiest instance, on the fullest one if copies are to `pack`, else on a new one.

        Room that copies are about to leave is waited for. Raises `NoRoomError`.
        """
        while True:
            with self._lock:
                machine = self._with_room(room, pack=pack)
                if machine is not None:
                    copy = start(self._arriving(machine))
                    machine.copies.append((copy, room))
                    return copy
                is_leaving = any(copy.is_leaving for one in self._machines for copy, _ in one.copies)
            if not is_leaving or closing.wait(POLL_SECONDS):
                raise NoRoomError(_NO_ROOM)

    def release_idle(self) -> None:
        """Let instances go that no copy is on, down to the least."""
        with self._lock:
            idle = self._place.clock.real_seconds(IDLE_SECONDS)
            for machine in list(self._machines):
                machine.free()
                is_idle = not machine.copies and time.time() - machine.idle_since > idle
                if is_idle and len(self._machines) > self.limits.least:
                    self._machines.remove(machine)

    def _with_room(self, room: Room, *, pack: bool) -> Machine | None:
        fitting = [machine for machine in self._machines if machine.free().without(room).is_there]
        if fitting:
            return (max if pack else min)(fitting, key=lambda machine: len(machine.copies))
        new = self._new()
        if len(self._machines) >= self.limits.most or not new.whole.without(room).is_there:
            return None
        self._machines.append(new)
        return new

    def _new(self) -> Machine:
        return Machine(Room.of_type(self.variant["InstanceType"]), time.time() + self._place.provisioning_seconds)

    def _arriving(self, machine: Machine) -> Place:
        """A copy waits for its instance, and not for one of its own."""
        seconds = max(machine.ready_at - time.time(), 0) * self._place.clock.speed
        return replace(self._place, clock=replace(self._place.clock, provisioning_seconds=seconds))
