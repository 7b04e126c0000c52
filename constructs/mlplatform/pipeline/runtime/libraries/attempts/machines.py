"""What is learned from a job that failed for its machine."""

from dataclasses import dataclass
from datetime import datetime

from attempts.failures import FailureKind
from mlscaling.jobs.ladder import NO_CAPACITY_FOR, Ladder, OutOfMemory, StepMemory


@dataclass(frozen=True)
class Machine:
    """On what a failed job ran, and with how much to do; zero bytes when that is not known."""

    instance_type: str
    memory_bytes: int
    input_bytes: int = 0


def machine_of(ladder: Ladder, instance_type: str, input_bytes: int) -> Machine | None:
    """A type of the ladder as a machine; None for one that is not, or no longer, on it."""
    rung = ladder.rung(instance_type)
    return None if rung is None else Machine(rung.instance_type, rung.memory_bytes, input_bytes)


def learn(memory: StepMemory, kind: FailureKind, machine: Machine | None, now: datetime) -> StepMemory:
    """What the next attempt, and later runs, shall know about machines. Other failures teach nothing about them."""
    if machine is not None and kind is FailureKind.OUT_OF_MEMORY:
        return memory.with_out_of_memory(OutOfMemory(machine.input_bytes, machine.memory_bytes))
    if machine is not None and kind is FailureKind.NO_CAPACITY:
        return memory.with_no_capacity(machine.instance_type, now + NO_CAPACITY_FOR, now)
    return memory
