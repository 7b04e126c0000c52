"""Starts jobs, waits for them, stops them, and keeps their documents and events in step with what happens."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mllocal.aws import Aws
from mllocal.jobs.events import job_event
from mllocal.jobs.logs import JobLog
from mllocal.jobs.process import ContainerProcess
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
    """A job that was stopped on request."""


@dataclass
class Job:
    """A job that runs: its document, a directory of its own, and what stops it."""

    kind: Kind
    document: Document
    directory: Path
    store: Store
    emit: EventSink
    finished: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _process: ContainerProcess | None = None

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

    @property
    def ml(self) -> Path:
        """What the job's process sees as `/opt/ml`."""
        return self.directory / "ml"

    def client(self, service: str) -> Any:
        """A boto3 client in the job's scope."""
        return Aws(self.scope).client(service)

    def open_log(self, on_line: Callable[[str], None] | None = None) -> JobLog:
        """A log stream as SageMaker names it."""
        stream = f"{self.name}/algo-1-{int(time.time())}"
        return JobLog(self.client("logs"), f"/aws/sagemaker/{self.kind.name}s", stream, on_line)

    def change(self, **changes: Any) -> None:
        """Record changes and publish the state-change event."""
        changes["LastModifiedTime"] = time.time()
        self.document = self.store.update(self.arn, lambda document: document.update(changes))
        self.emit(self.scope, *job_event(self.kind, self.document))

    def run_process(self, command: list[str], environment: dict[str, str], log: JobLog) -> ContainerProcess:
        """Start the container; from now on `stop` reaches it."""
        self._process = ContainerProcess(self.directory, command, environment, log)
        self.check_not_stopped()
        return self._process

    def stop(self) -> None:
        """Stop the job."""
        self._stop.set()
        if self._process is not None:
            self._process.stop()

    def check_not_stopped(self) -> None:
        """Raises `JobStoppedError` once a stop was asked for."""
        if self._stop.is_set():
            if self._process is not None:
                self._process.stop()
            raise JobStoppedError


JobFunction = Callable[[Job], Document]


class JobRunner:
    """The jobs of one engine. A job's directory is removed when it ends: what it leaves is in S3 and in its log."""

    def __init__(self, store: Store, emit: EventSink, directory: Path) -> None:
        self._store = store
        self._emit = emit
        self._directory = directory
        self._jobs: dict[str, Job] = {}

    def start(self, kind: Kind, document: Document, function: JobFunction) -> None:
        """Run a job in the background."""
        directory = self._directory / document[kind.name_field]
        directory.mkdir(parents=True)
        job = Job(kind, document, directory, self._store, self._emit)
        self._jobs[job.arn] = job
        threading.Thread(target=self._run, args=(job, function), name=job.name, daemon=True).start()

    def wait(self, arn: str) -> None:
        """Return when the job has ended."""
        job = self._jobs.get(arn)
        if job is not None:
            job.finished.wait()

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
        status = job.kind.status_field or ""
        ended: dict[str, Any]
        try:
            job.change()
            ended = {status: "Completed", **function(job)}
        except JobStoppedError:
            ended = {status: "Stopped"}
        except JobFailedError as error:
            ended = {status: "Failed", "FailureReason": str(error)[:1024], **error.changes}
        except Exception as error:  # noqa: BLE001 - a defect of the engine must end the job, not leave it running
            _LOG.exception("job %s failed inside the engine", job.name)
            ended = {
                status: "Failed",
                "FailureReason": f"InternalServerError: {type(error).__name__}: {error}"[:1024],
            }
        try:
            job.change(**ended, **_end_times(job.kind))
        finally:
            shutil.rmtree(job.directory, ignore_errors=True)
            del self._jobs[job.arn]
            job.finished.set()


def _end_times(kind: Kind) -> dict[str, float]:
    field_name = {"ProcessingJob": "ProcessingEndTime", "TransformJob": "TransformEndTime"}.get(
        kind.name, "TrainingEndTime"
    )
    return {field_name: time.time()}
