"""Runs executions in the background and stops them on request."""

from __future__ import annotations

import logging
import threading

from mllocal.execution import callbacks
from mllocal.execution.run import ExecutionRun
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, scope_of

_LOG = logging.getLogger("mllocal.executor")


class Executor:
    """The executions of one engine; each has a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping: dict[str, threading.Event] = {}

    def start(self, service: Service, execution: Document) -> None:
        """Run an execution in the background, or what is left of it."""
        arn = execution["PipelineExecutionArn"]
        stopping = threading.Event()
        with self._lock:
            self._stopping[arn] = stopping
        run = ExecutionRun(service, execution, stopping)
        threading.Thread(
            target=self._run, args=(run, arn, stopping), name=f"execution-{arn[-12:]}", daemon=True
        ).start()

    def _run(self, run: ExecutionRun, arn: str, stopping: threading.Event) -> None:
        try:
            run.run()
        except Exception:  # noqa: BLE001 - a defect of the engine must end the execution, not leave it running
            _LOG.exception("execution %s failed inside the engine", arn)
            run.fail("InternalServerError: the embedded AWS failed; see .mlp/engine.log")
        finally:
            with self._lock:
                # An execution that ended may have been started again since, as a retry.
                if self._stopping.get(arn) is stopping:
                    del self._stopping[arn]

    def stop(self, service: Service, arn: str) -> None:
        """Stop an execution: its running jobs are stopped, callbacks are told, no further step starts."""
        with self._lock:
            stopping = self._stopping.get(arn)
        if stopping is None:
            return
        service.store.update(arn, _mark_stopping)
        stopping.set()
        for step in (service.store.get(arn) or {}).get("Steps", {}).values():
            if step["StepStatus"] == "Executing":
                _stop_step(service, arn, step)

    def running(self, pipeline_arn: str) -> list[str]:
        """The ARNs of a pipeline's executions that run now."""
        with self._lock:
            return [arn for arn in self._stopping if arn.startswith(f"{pipeline_arn}/")]


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
