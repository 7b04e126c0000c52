"""One container of a job: a process group under the sandbox, its log, its time limit and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from mllocal.jobs.logs import JobLog
from mllocal.jobs.sandbox import launch

STOP_GRACE_SECONDS = 10


class ContainerProcess:
    """A running container. Output goes to `log`; `stop` ends the whole process group."""

    def __init__(self, directory: Path, command: Sequence[str], environment: Mapping[str, str], log: JobLog) -> None:
        start = launch(directory, command, environment)
        self._process = subprocess.Popen(
            start.command,
            env=start.environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: stdout is a pipe
        self._reader = threading.Thread(target=log.follow, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def wait(self, timeout_seconds: float) -> int | None:
        """The exit code, or None when the time is over; negative for a signal."""
        try:
            code = self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None
        self._signal_group(signal.SIGKILL)
        self._reader.join(STOP_GRACE_SECONDS)
        return code

    def is_running(self) -> bool:
        """Whether the main process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask the group to end, then make it end."""
        self._signal_group(signal.SIGTERM)
        if self.wait(STOP_GRACE_SECONDS) is None:
            self._signal_group(signal.SIGKILL)
            self.wait(STOP_GRACE_SECONDS)

    def _signal_group(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return
