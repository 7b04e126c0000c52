"""The memory of an instance type as a real limit: a container that needs more is killed, as the kernel does on the service.

The limit is watched from outside, by adding up the memory of every process of the container: it needs no rights and works alike on
Linux and macOS. Between two looks a container may pass its limit for a moment, by what a machine can fill in that time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from mlpipelines.instance_types import BYTES_PER_GIB, INSTANCE_TYPES

# A process fills memory at a few GiB a second: the less is left, the sooner the next look.
_FILLED_BYTES_PER_SECOND = 4 * BYTES_PER_GIB
_SHORTEST_SECONDS = 0.05
_LONGEST_SECONDS = 0.5


@dataclass(frozen=True)
class MemoryLimit:
    """How much a container may use, and what its log says about that. `limit_bytes` is None where nothing is known of the type."""

    limit_bytes: int | None
    note: str | None = None


def memory_limit(instance_type: str, machine_bytes: int | None = None) -> MemoryLimit:
    """The limit of an instance type on this machine: never more than the machine has."""
    machine = psutil.virtual_memory().total if machine_bytes is None else machine_bytes
    instance = INSTANCE_TYPES.get(instance_type)
    if instance is None:
        return MemoryLimit(
            None, f"the embedded AWS does not know the memory of {instance_type}: this job runs without a memory limit"
        )
    if instance.memory_bytes <= machine:
        return MemoryLimit(instance.memory_bytes)
    return MemoryLimit(
        machine,
        f"{instance_type} has {instance.memory_gib} GiB of memory, this machine {machine / BYTES_PER_GIB:.1f} GiB: "
        "this job is limited to what the machine has",
    )


class MemoryGuard:
    """Watches the processes of one session, and calls `kill` once they use more than the limit together."""

    def __init__(self, session_id: int, limit_bytes: int, kill: Callable[[], None]) -> None:
        self.exceeded = False
        self.peak_bytes = 0
        """The most that was seen; a peak between two looks is missed, and pages that processes share count for each."""
        self._session_id = session_id
        self._limit_bytes = limit_bytes
        self._kill = kill
        self._done = threading.Event()
        threading.Thread(target=self._watch, name=f"memory-{session_id}", daemon=True).start()

    def close(self) -> None:
        """Watch no longer."""
        self._done.set()

    def _watch(self) -> None:
        seconds = _SHORTEST_SECONDS
        while not self._done.wait(seconds):
            used = self._used(_resident_bytes)
            self.peak_bytes = max(self.peak_bytes, used)
            # Forked processes share pages, which the resident size counts for each: only the exact figure condemns.
            if used > self._limit_bytes and self._used(_proportional_bytes) > self._limit_bytes:
                self.exceeded = True
                self._kill()
                return
            left = max(self._limit_bytes - used, 0)
            seconds = min(max(left / _FILLED_BYTES_PER_SECOND, _SHORTEST_SECONDS), _LONGEST_SECONDS)

    def _used(self, measure: Callable[[psutil.Process], int]) -> int:
        return sum(_measured(measure, pid) for pid in _session_members(self._session_id))


def _session_members(session_id: int) -> Iterator[int]:
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == session_id:
                yield pid
        except (ProcessLookupError, PermissionError):
            continue


def _measured(measure: Callable[[psutil.Process], int], pid: int) -> int:
    try:
        return measure(psutil.Process(pid))
    except psutil.Error:
        return 0  # It ended between being listed and being measured.


def _resident_bytes(process: psutil.Process) -> int:
    resident: int = process.memory_info().rss
    return resident


def _proportional_bytes(process: psutil.Process) -> int:
    memory = process.memory_full_info()
    used: int = getattr(memory, "pss", memory.uss)
    return used
