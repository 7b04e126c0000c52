"""What a job has used so far, written down again and again: a job that is killed leaves no other evidence."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_jobs.files import read_json, write_json

_CONFIGURATION = Path("/opt/ml/config")
_WRITE_SECONDS = 1.0
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Spent:
    """What one process has used since it began."""

    process_id: int
    peak_bytes: int
    cpu_seconds: float


class Usage:
    """Counts rows, bytes and seconds of one host's share of a job."""

    def __init__(self, directory: Path, making: Path) -> None:
        self._host, self._instance_type = _where()
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"usage-{self._host}.json"
        self._making = making
        self._began = time.monotonic()
        self._written = 0.0
        self._load_seconds = 0.0
        self._spent: dict[int, Spent] = {}
        self._rows = self._parts = self._input_bytes = 0

    def loaded(self) -> None:
        """The model is there."""
        self._load_seconds = time.monotonic() - self._began
        self.write()

    def scored(self, rows: int, spent: Spent) -> None:
        """Some rows more, by a process; written down if that is due."""
        self._rows += rows
        self._spent[spent.process_id] = spent
        if time.monotonic() - self._written > _WRITE_SECONDS:
            self.write()

    def done(self, input_bytes: int) -> None:
        """A part more."""
        self._parts += 1
        self._input_bytes += input_bytes
        self.write()

    def write(self, *, finished: bool = False) -> None:
        """Write it down now."""
        self._written = time.monotonic()
        self._spent[os.getpid()] = Spent(os.getpid(), own_peak_bytes(), time.process_time())
        content: dict[str, Any] = {
            "version": 1,
            "host": self._host,
            "instance_type": self._instance_type,
            "rows": self._rows,
            "parts": self._parts,
            "input_bytes": self._input_bytes,
            "seconds": round(self._written - self._began, 3),
            "load_seconds": round(self._load_seconds, 3),
            "cpu_seconds": round(sum(one.cpu_seconds for one in self._spent.values()), 3),
            "peak_memory_bytes": sum(one.peak_bytes for one in self._spent.values()),
            "finished": finished,
        }
        write_json(self._path, content, self._making)


def own_peak_bytes() -> int:
    """The most resident memory of this process so far, without the page cache, which the kernel takes back before it kills anything.

    Linux keeps `ru_maxrss` across exec, so what a large parent held would count here; `VmHWM` begins anew.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _where() -> tuple[str, str]:
    """Host and instance type, as a processing job's configuration tells."""
    resources = _read(_CONFIGURATION / "resourceconfig.json")
    job = _read(_CONFIGURATION / "processingjobconfig.json")
    cluster = job.get("ProcessingResources", {}).get("ClusterConfig", {})
    instance_type = resources.get("current_instance_type") or cluster.get("InstanceType") or "unknown"
    return str(resources.get("current_host", "algo-1")), str(instance_type)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_json(path) if path.is_file() else {}
    return content
