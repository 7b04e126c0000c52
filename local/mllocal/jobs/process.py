"""One container of a job: a process group under the sandbox, its log, its limits and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from mllocal.jobs.logs import JobLog
from mllocal.jobs.memory import MemoryGuard
from mllocal.jobs.sandbox import launch

STOP_GRACE_SECONDS = 10
OUT_OF_MEMORY_EXIT_CODE = 137


class ContainerProcess:
    """A running container. Output goes to `log`; `stop` ends the whole process group.

    It ends with the thread that starts it (see `children`): start it from the job's own thread, wait for it from any.
    """

    def __init__(
        self,
        directory: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: JobLog,
        memory_limit_bytes: int | None = None,
    ) -> None:
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
        self._exited = threading.Event()
        self._is_over = False
        self._reader = threading.Thread(target=log.follow, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self._guard = (
            None if memory_limit_bytes is None else MemoryGuard(self._process.pid, memory_limit_bytes, self.kill)
        )
        threading.Thread(target=self._await_exit, daemon=True).start()

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether it was killed for using more than its memory limit."""
        return self._guard is not None and self._guard.exceeded

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most memory that it was seen to use; None without a limit, since then nobody looks."""
        return None if self._guard is None else self._guard.peak_bytes

    def wait(self, timeout_seconds: float) -> int | None:
        """The exit code, or None when the time is over; negative for a signal."""
        if not self._exited.wait(timeout_seconds):
            return None
        self.kill()
        self._reader.join(STOP_GRACE_SECONDS)
        self._is_over = True
        return OUT_OF_MEMORY_EXIT_CODE if self.ran_out_of_memory else self._process.returncode

    def is_running(self) -> bool:
        """Whether the main process still runs."""
        return not self._exited.is_set()

    def stop(self) -> None:
        """Ask the group to end, then make it end."""
        self._signal_group(signal.SIGTERM)
        if self.wait(STOP_GRACE_SECONDS) is None:
            self.kill()
            self.wait(STOP_GRACE_SECONDS)

    def kill(self) -> None:
        """End the group at once."""
        self._signal_group(signal.SIGKILL)

    def _await_exit(self) -> None:
        # A blocking wait sees the end at once; one with a time limit looks every 50 ms.
        self._process.wait()
        if self._guard is not None:
            self._guard.close()
        self._exited.set()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._is_over:
            return  # The number of an ended group may belong to another by now.
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return


def stop_all(processes: Sequence[ContainerProcess]) -> None:
    """Stop containers, all at once, and wait until each has ended."""
    threads = [threading.Thread(target=process.stop, daemon=True) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
