"""One execution from start to end: starts each step as soon as what it waits for is done."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import Any

from mllocal.aws import Aws
from mllocal.execution.cache import StepCache, key_of
from mllocal.execution.expressions import Values
from mllocal.execution.graph import Node, nodes_of
from mllocal.execution.progress import Progress, iso_time
from mllocal.execution.retries import Retries, policies_of
from mllocal.execution.step_run import Result, StepFailedError, StepRun
from mllocal.execution.steps import run_step
from mllocal.s3 import S3Uri
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope, scope_of

POOL_SIZE = 200
_LOG = logging.getLogger("mllocal.execution")


class ExecutionRun:
    """One execution. Steps that its document has already are done: they were retried past, or come from another execution.

    While it only waits for others, it is inside `idle`.
    """

    def __init__(
        self,
        service: Service,
        execution: Document,
        stopping: threading.Event,
        idle: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._service = service
        self._execution = execution
        self._arn: str = execution["PipelineExecutionArn"]
        self._scope: Scope = scope_of(self._arn)
        self._stopping = stopping
        self._idle = idle
        nodes = nodes_of(json.loads(execution["PipelineDefinition"]))
        done: dict[str, Document] = execution["Steps"]
        self._nodes = _selected(nodes, execution)
        self._ended: dict[str, str] = {name: step["StepStatus"] for name, step in done.items()}
        self._unhandled: list[str] = []
        self._handled: list[str] = []
        self._cache = StepCache(service.store, execution["PipelineArn"])
        self._progress = Progress(service, execution, {name: node.step["Type"] for name, node in nodes.items()})
        self._values = Values(
            parameters=execution["Parameters"],
            execution=_execution_variables(execution),
            read_json=self._read_json,
            property_files=_property_files(nodes.values()),
            steps={name: step["Properties"] for name, step in done.items() if "Properties" in step},
        )

    def run(self) -> None:
        """Run every step that is due until none is left, then record how it ended."""
        self._progress.started()
        waiting = {name: node for name, node in self._nodes.items() if name not in self._ended}
        running: dict[Future[Result], Node] = {}
        with ThreadPoolExecutor(max_workers=POOL_SIZE, thread_name_prefix="step") as pool:
            while True:
                for node in self._startable(waiting, len(running)):
                    del waiting[node.name]
                    running[pool.submit(self._run_step, node)] = node
                if not running:
                    break
                for future in self._next_ended(running):
                    self._record(running.pop(future), future)
        self._finish()

    def _next_ended(self, running: dict[Future[Result], Node]) -> set[Future[Result]]:
        """Wait until a step has ended. Nothing is done here while all that runs are callbacks, which others answer."""
        only_callbacks = all(node.step["Type"] == "Callback" for node in running.values())
        with self._idle() if only_callbacks else nullcontext():
            return wait(running, return_when=FIRST_COMPLETED).done

    def _startable(self, waiting: dict[str, Node], running: int) -> list[Node]:
        """The steps to start now: those that are due, as many as may run at once, none after a failure or a stop."""
        if self._unhandled or self._stopping.is_set():
            return []
        due = [node for node in waiting.values() if self._is_due(node)]
        return due[: max(self._progress.parallel_limit() - running, 0)] if due else []

    def _is_due(self, node: Node) -> bool:
        """Whether all that a step waits for has ended as it should. A step of a branch not taken never is due."""
        ended = self._ended
        if not all(other in ended and node.runs_after(other, ended[other]) for other in node.waits_for):
            return False
        if node.branch is None:
            return True
        condition, side = node.branch
        return bool(self._values.steps.get(condition, {}).get("Outcome") == str(side))

    def _run_step(self, node: Node) -> Result:
        """Run a step, or take its result from the cache."""
        self._progress.step(
            node.name,
            StepName=node.name,
            StepDisplayName=node.step.get("DisplayName"),
            StepDescription=node.step.get("Description"),
            StepStatus="Executing",
            StartTime=time.time(),
            AttemptCount=1,
        )
        key = key_of(node.step, self._values)
        hit = self._cache.find(node.step, key)
        if hit is not None:
            source = {"SourcePipelineExecutionArn": hit.source_execution_arn}
            self._progress.step(node.name, CacheHitResult=source, AttemptCount=None)
            return hit.result
        result = self._attempt(node)
        self._cache.remember(key, self._arn, result)
        return result

    def _attempt(self, node: Node) -> Result:
        """Run a step, again and again as its retry policies say. Raises the last failure."""
        retries = Retries(policies_of(node.step))
        for attempt in count(2):
            try:
                return run_step(self._step_run(node))
            except StepFailedError as failure:
                delay = retries.delay_after(failure.exception_type)
                if delay is None or self._stopping.wait(delay):
                    raise
            self._progress.step(node.name, AttemptCount=attempt)
        raise AssertionError("counting has no end")

    def _step_run(self, node: Node) -> StepRun:
        return StepRun(
            self._service,
            self._scope,
            self._execution,
            node.step,
            self._values,
            announce=lambda metadata: self._progress.step(node.name, Metadata=metadata),
            stopping=self._stopping,
        )

    def _record(self, node: Node, future: Future[Result]) -> None:
        """Keep what a finished step left."""
        try:
            result = future.result()
        except StepFailedError as failure:
            self._record_failure(node, failure)
            return
        except Exception as error:  # noqa: BLE001 - a defect of the engine must fail the step, not leave it running
            _LOG.exception("step %s of %s failed inside the engine", node.name, self._arn)
            what = f"{type(error).__name__}: {error}"
            reason = f"InternalServerError: the embedded AWS failed in this step, {what}; see .mlp/engine.log"
            self._record_failure(node, StepFailedError(reason))
            return
        self._values.steps[node.name] = result.properties
        self._ended[node.name] = "Succeeded"
        self._progress.step(
            node.name,
            StepStatus="Succeeded",
            EndTime=time.time(),
            Metadata=result.metadata,
            Properties=result.properties,
        )

    def _record_failure(self, node: Node, failure: StepFailedError) -> None:
        status = "Stopped" if self._stopping.is_set() else failure.status
        self._ended[node.name] = status
        handled = any(other.handles(node.name, status) for other in self._nodes.values())
        (self._handled if handled else self._unhandled).append(node.name)
        self._progress.step(node.name, StepStatus=status, EndTime=time.time(), FailureReason=str(failure))

    def _finish(self) -> None:
        if self._stopping.is_set():
            self._progress.finish("Stopped", None)
        elif self._unhandled:
            names = ", ".join(self._unhandled)
            self._progress.finish("Failed", f"Step failure: One or multiple steps failed: {names}.")
        elif self._handled:
            self._progress.finish("CompletedWithFailures", None)
        else:
            self._progress.finish("Succeeded", None)

    def _read_json(self, uri: str) -> Any:
        client = Aws(self._scope).client("s3")
        try:
            location = S3Uri.parse(uri)
            return json.loads(client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read())
        except client.exceptions.ClientError as error:
            raise StepFailedError(f"ClientError: cannot read property file {uri}: {error}") from None
        except json.JSONDecodeError as error:
            raise StepFailedError(f"ClientError: property file {uri} is not JSON: {error}") from None
        except ValueError as error:
            raise StepFailedError(f"ClientError: property file {uri} cannot be read: {error}") from None


def _selected(nodes: dict[str, Node], execution: Document) -> dict[str, Node]:
    """The steps that a selective execution runs; all of them in any other execution."""
    config = execution.get("SelectiveExecutionConfig")
    if config is None:
        return nodes
    names = {step["StepName"] for step in config["SelectedSteps"]}
    return {name: node for name, node in nodes.items() if name in names}


def _property_files(nodes: Iterable[Node]) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (node.name, file["PropertyFileName"]): (file["OutputName"], file["FilePath"])
        for node in nodes
        for file in node.step.get("PropertyFiles", [])
    }


def _execution_variables(execution: Document) -> dict[str, Any]:
    start = iso_time(execution["StartTime"])
    return {
        "PipelineName": execution["PipelineName"],
        "PipelineArn": execution["PipelineArn"],
        "PipelineExecutionId": execution["PipelineExecutionId"],
        "PipelineExecutionArn": execution["PipelineExecutionArn"],
        "StartDateTime": start,
        "CurrentDateTime": start,
    }
