"""Runs executions in the background, a bounded number of them at once, and stops them on request."""

from __future__ import annotations

import logging
import os
import threading
from functools import partial

from mllocal.execution import callbacks
from mllocal.execution.progress import Progress
from mllocal.execution.run import ExecutionRun
from mllocal.execution.slots import Slots
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, scope_of

EXECUTIONS_PER_CORE = 2  # while the job of one computes, another one's data is on its way
_LOG = logging.getLogger("mllocal.executor")


def most_at_once() -> int:
    """How many executions run at once on this machine. More wait for their turn, in the order they were started."""
    return EXECUTIONS_PER_CORE * (os.cpu_count() or 1)


class Executor:
    """The executions of one engine. One that runs has a thread; of one that waits there is its ARN, the rest is in the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping: dict[str, threading.Event] = {}
        self._slots = Slots(most_at_once())

    def start(self, service: Service, arn: str) -> None:
        """Run an execution in the background, or what is left of it, when its turn comes."""
        stopping = threading.Event()
        with self._lock:
            self._stopping[arn] = stopping
        self._slots.ask(arn, partial(self._launch, service, arn, stopping))

    def _launch(self, service: Service, arn: str, stopping: threading.Event) -> None:
        name = f"execution-{arn[-12:]}"
        threading.Thread(target=self._run, args=(service, arn, stopping), name=name, daemon=True).start()

    def _run(self, service: Service, arn: str, stopping: threading.Event) -> None:
        execution: Document = service.store.get(arn) or {}
        try:
            ExecutionRun(service, execution, stopping, self._slots.given_back).run()
        except Exception:  # noqa: BLE001 - a defect of the engine must end the execution, not leave it running
            _LOG.exception("execution %s failed inside the engine", arn)
            reason = "InternalServerError: the embedded AWS failed; see .mlp/engine.log"
            Progress(service, execution, {}).finish("Failed", reason)
        finally:
            self._forget(arn, stopping)
            self._slots.release()

    def _forget(self, arn: str, stopping: threading.Event) -> None:
        with self._lock:
            # An execution that ended may have been started again since, as a retry.
            if self._stopping.get(arn) is stopping:
                del self._stopping[arn]

    def stop(self, service: Service, arn: str) -> None:
        """Stop an execution: its running jobs are stopped, callbacks are told, no further step starts. One that waits ends at once."""
        with self._lock:
            stopping = self._stopping.get(arn)
        if stopping is None:
            return
        service.store.update(arn, _mark_stopping)
        stopping.set()
        execution: Document = service.store.get(arn) or {}
        if self._slots.withdraw(arn):
            Progress(service, execution, {}).finish("Stopped", None)
            self._forget(arn, stopping)
            return
        for step in execution["Steps"].values():
            if step["StepStatus"] == "Executing":
                _stop_step(service, arn, step)

    def running(self, pipeline_arn: str) -> list[str]:
        """The ARNs of a pipeline's executions that run or wait for their turn."""
        with self._lock:
            return [arn for arn in self._stopping if arn.startswith(f"{pipeline_arn}/")]

    def close(self) -> None:
        """Start no execution any more."""
        self._slots.close()


def _stop_step(service: Service, execution_arn: str, step: Document) -> None:
    for reference in step.get("Metadata", {}).values():
        if "CallbackToken" in reference:
            callbacks.announce_stop(service, scope_of(execution_arn), reference["CallbackToken"])
        else:
            service.runner.stop(reference.get("Arn") or reference.get("CheckJobArn", ""))


def _mark_stopping(execution: Document) -> None:
    # An execution that ended meanwhile stays as it ended.
    if execution["PipelineExecutionStatus"] == "Executing":
        execution["PipelineExecutionStatus"] = "Stopping"
