"""Starts jobs, waits for them, stops them, and keeps their documents and events in step with what happens."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mllocal.aws import Aws
from mllocal.jobs import secondary
from mllocal.jobs.events import job_event
from mllocal.jobs.hosts import Host
from mllocal.jobs.logs import JobLog
from mllocal.jobs.process import ContainerProcess, stop_all
from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.service import EventSink
from mllocal.sagemaker.store import Document, Scope, Store, scope_of

_LOG = logging.getLogger("mllocal.jobs")


class JobFailedError(Exception):
    """A job that failed; the message is its `FailureReason`."""

    def __init__(self, reason: str, **changes: Any) -> None:
        super().__init__(reason)
        self.changes = changes


class JobStoppedError(Exception):
    """A job that was stopped: on request, or by a condition of its own."""

    def __init__(self, **changes: Any) -> None:
        super().__init__("the job was stopped")
        self.changes = changes


@dataclass
class Job:
    """A job that runs: its document, a directory of its own, and what stops it.

    `metric_values` are the values of each metric in the order in which the job's log had them.
    """

    kind: Kind
    document: Document
    directory: Path
    store: Store
    emit: EventSink
    finished: threading.Event = field(default_factory=threading.Event)
    metric_values: dict[str, list[float]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _processes: list[ContainerProcess] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """The job's ARN."""
        arn: str = self.document[self.kind.arn_field]
        return arn

    @property
    def name(self) -> str:
        """The job's name."""
        name: str = self.document[self.kind.name_field]
        return name

    @property
    def scope(self) -> Scope:
        """The account and region the job belongs to."""
        return scope_of(self.arn)

    def client(self, service: str) -> Any:
        """A boto3 client in the job's scope."""
        return Aws(self.scope).client(service)

    def open_log(self, host_name: str, on_line: Callable[[str], None] | None = None) -> JobLog:
        """A host's log stream as SageMaker names it."""
        stream = f"{self.name}/{host_name}-{int(time.time() * 1000)}"
        return JobLog(self.client("logs"), f"/aws/sagemaker/{self.kind.name}s", stream, on_line)

    def change(self, **changes: Any) -> None:
        """Record changes and publish the state-change event."""
        changes["LastModifiedTime"] = time.time()
        self.document = self.store.update(self.arn, lambda document: document.update(changes))
        self.emit(self.scope, *job_event(self.kind, self.document))

    def run_process(
        self,
        host: Host,
        command: list[str],
        environment: dict[str, str],
        log: JobLog,
        memory_limit_bytes: int | None,
    ) -> ContainerProcess:
        """Start a container on a host; from now on `stop` reaches it. Raises `JobFailedError` for texts that no process can be given."""
        self.check_not_stopped()
        unusable = [*_unusable("argument", command), *_unusable("environment variable", environment.values())]
        if unusable:
            raise JobFailedError(f"ClientError: {'; '.join(unusable)}; take it out")
        process = ContainerProcess(host.directory, command, environment, log, memory_limit_bytes)
        self._processes.append(process)
        self.check_not_stopped()
        return process

    def stop(self) -> None:
        """Stop the job."""
        self._stop.set()
        self.stop_processes()

    def stop_processes(self) -> None:
        """Stop the containers that were started so far."""
        stop_all(self._processes)

    def is_stopping(self, timeout_seconds: float = 0) -> bool:
        """Whether a stop was asked for, or is within the time given."""
        return self._stop.wait(timeout_seconds)

    def check_not_stopped(self) -> None:
        """Raises `JobStoppedError` once a stop was asked for."""
        if self._stop.is_set():
            self.stop_processes()
            raise JobStoppedError


def _unusable(what: str, texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        try:
            os.fsencode(text)
        except UnicodeEncodeError:
            yield f"the {what} {text!r} has half a surrogate pair, which is no text"
        if "\0" in text:
            yield f"the {what} {text!r} has a NUL character, which ends a text for a process"


JobFunction = Callable[[Job], Document]


class JobRunner:
    """The jobs of one engine. A job's directory is removed when it ends: what it leaves is in S3 and in its log."""

    def __init__(self, store: Store, emit: EventSink, directory: Path) -> None:
        self._store = store
        self._emit = emit
        self._directory = directory
        shutil.rmtree(directory, ignore_errors=True)  # What jobs of a killed engine left.
        self._jobs: dict[str, Job] = {}

    def start(self, kind: Kind, document: Document, function: JobFunction) -> None:
        """Run a job in the background."""
        directory = self._directory / kind.name / document[kind.name_field]
        directory.mkdir(parents=True)
        job = Job(kind, document, directory, self._store, self._emit)
        self._jobs[job.arn] = job
        threading.Thread(target=self._run, args=(job, function), name=job.name, daemon=True).start()

    def wait(self, arn: str) -> None:
        """Return when the job has ended."""
        job = self._jobs.get(arn)
        if job is not None:
            job.finished.wait()

    def metric_values(self, arn: str) -> dict[str, list[float]]:
        """The job's metrics as they come: it grows while the job runs. Empty for a job that has ended."""
        job = self._jobs.get(arn)
        return {} if job is None else job.metric_values

    def stop(self, arn: str) -> None:
        """Stop a job; nothing happens for one that has ended."""
        job = self._jobs.get(arn)
        if job is not None:
            threading.Thread(target=job.stop, daemon=True).start()

    def stop_all(self) -> None:
        """Stop every job and wait until each has ended."""
        for job in list(self._jobs.values()):
            job.stop()

    def _run(self, job: Job, function: JobFunction) -> None:
        ended = self._outcome(job, function)
        try:
            job.change(**ended, **_end_times(job.kind))
        finally:
            del self._jobs[job.arn]
            job.finished.set()
            shutil.rmtree(job.directory, ignore_errors=True)

    def _outcome(self, job: Job, function: JobFunction) -> dict[str, Any]:
        status = job.kind.status_field or ""
        try:
            job.change()
            changes = function(job)
            return {status: "Completed", **secondary.ended(job.document, "Completed"), **changes}
        except JobStoppedError as error:
            return {status: "Stopped", **secondary.ended(job.document, "Stopped"), **error.changes}
        except JobFailedError as error:
            reason, changes = str(error), error.changes
        except Exception as error:  # noqa: BLE001 - a defect of the engine must end the job, not leave it running
            _LOG.exception("job %s failed inside the engine", job.name)
            reason, changes = f"InternalServerError: {type(error).__name__}: {error}", {}
        return {status: "Failed", "FailureReason": reason[:1024], **secondary.ended(job.document, "Failed"), **changes}


def _end_times(kind: Kind) -> dict[str, float]:
    return {f"{kind.name.removesuffix('Job')}EndTime": time.time()}
