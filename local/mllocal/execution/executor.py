"""Runs executions: starts each step as soon as what it waits for is done, keeps the record, and stops on request."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from mllocal.aws import Aws
from mllocal.execution.expressions import Values
from mllocal.execution.graph import Node, nodes_of
from mllocal.execution.steps import Result, StepFailedError, StepRun, run_step
from mllocal.s3 import S3Uri
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope, scope_of

MAX_PARALLEL_STEPS = 50
_LOG = logging.getLogger("mllocal.executor")


class Executor:
    """The executions of one engine; each has a thread of its own."""

    def __init__(self) -> None:
        self._stopping: dict[str, threading.Event] = {}

    def start(self, service: Service, execution: Document) -> None:
        """Run an execution in the background."""
        arn = execution["PipelineExecutionArn"]
        self._stopping[arn] = threading.Event()
        run = ExecutionRun(service, execution, self._stopping[arn])
        threading.Thread(target=self._run, args=(run, arn), name=f"execution-{arn[-12:]}", daemon=True).start()

    def _run(self, run: ExecutionRun, arn: str) -> None:
        try:
            run.run()
        except Exception:  # noqa: BLE001 - a defect of the engine must end the execution, not leave it running
            _LOG.exception("execution %s failed inside the engine", arn)
            run.finish("Failed", "InternalServerError: the embedded AWS failed; see .mlp/engine.log")
        finally:
            del self._stopping[arn]

    def stop(self, service: Service, arn: str) -> None:
        """Stop an execution: its running jobs are stopped, no further step starts."""
        stopping = self._stopping.get(arn)
        if stopping is None:
            return
        service.store.update(arn, _mark_stopping)
        stopping.set()
        for step in (service.store.get(arn) or {}).get("Steps", {}).values():
            for reference in step.get("Metadata", {}).values():
                service.runner.stop(reference.get("Arn", ""))

    def running(self, pipeline_arn: str) -> list[str]:
        """The ARNs of a pipeline's executions that run now."""
        return [arn for arn in list(self._stopping) if arn.startswith(f"{pipeline_arn}/")]


def _mark_stopping(execution: Document) -> None:
    # An execution that ended meanwhile stays as it ended.
    if execution["PipelineExecutionStatus"] == "Executing":
        execution["PipelineExecutionStatus"] = "Stopping"


class ExecutionRun:
    """One execution from start to end."""

    def __init__(self, service: Service, execution: Document, stopping: threading.Event) -> None:
        self._service = service
        self._execution = execution
        self._arn: str = execution["PipelineExecutionArn"]
        self._scope: Scope = scope_of(self._arn)
        self._stopping = stopping
        self._definition: dict[str, Any] = json.loads(execution["PipelineDefinition"])
        self._nodes = nodes_of(self._definition)
        self._outcomes: dict[str, bool] = {}
        self._values = Values(
            parameters=execution["Parameters"],
            execution=_execution_variables(execution),
            read_json=self._read_json,
            property_files=_property_files(self._nodes),
        )

    def run(self) -> None:
        """Run every step that is due until none is left, then record how it ended."""
        self._emit_status("Executing")
        limit = (self._execution.get("ParallelismConfiguration") or {}).get(
            "MaxParallelExecutionSteps", MAX_PARALLEL_STEPS
        )
        failed: list[str] = []
        waiting = dict(self._nodes)
        running: dict[Future[Result], Node] = {}
        with ThreadPoolExecutor(max_workers=limit, thread_name_prefix="step") as pool:
            while running or (self._due(waiting) and not failed and not self._stopping.is_set()):
                if not failed and not self._stopping.is_set():
                    for node in self._due(waiting):
                        del waiting[node.name]
                        running[pool.submit(self._run_step, node)] = node
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    node = running.pop(future)
                    if not self._record(node, future):
                        failed.append(node.name)
        self._finish_after(failed)

    def _due(self, waiting: dict[str, Node]) -> list[Node]:
        """Steps whose dependencies are done. A step of a branch not taken never is, nor is what waits for it."""
        done = self._values.steps.keys()
        return [node for node in waiting.values() if node.waits_for <= done and self._branch_is_taken(node)]

    def _branch_is_taken(self, node: Node) -> bool:
        if node.branch is None:
            return True
        condition, side = node.branch
        return self._outcomes[condition] == side

    def _run_step(self, node: Node) -> Result:
        self._update_step(
            node.name,
            StepName=node.name,
            StepDisplayName=node.step.get("DisplayName"),
            StepDescription=node.step.get("Description"),
            StepStatus="Executing",
            StartTime=time.time(),
            AttemptCount=1,
        )
        return run_step(
            StepRun(
                self._service,
                self._scope,
                self._execution,
                node.step,
                self._values,
                announce=lambda metadata: self._update_step(node.name, Metadata=metadata),
                stopping=self._stopping,
            )
        )

    def _record(self, node: Node, future: Future[Result]) -> bool:
        """Keep what a finished step left; False when it failed."""
        try:
            result = future.result()
        except StepFailedError as error:
            status = "Stopped" if self._stopping.is_set() else "Failed"
            self._update_step(node.name, StepStatus=status, EndTime=time.time(), FailureReason=str(error)[:3000])
            return False
        if result.outcome is not None:
            self._outcomes[node.name] = result.outcome
        self._values.steps[node.name] = result.properties
        self._update_step(node.name, StepStatus="Succeeded", EndTime=time.time(), Metadata=result.metadata)
        return True

    def _finish_after(self, failed: list[str]) -> None:
        if self._stopping.is_set():
            self.finish("Stopped", None)
        elif failed:
            self.finish("Failed", f"Step failure: One or multiple steps failed: {', '.join(failed)}.")
        else:
            self.finish("Succeeded", None)

    def finish(self, status: str, reason: str | None) -> None:
        """Record how the execution ended and tell EventBridge."""
        changes = {
            "PipelineExecutionStatus": status,
            "FailureReason": reason,
            "LastModifiedTime": time.time(),
        }
        self._service.store.update(self._arn, lambda document: document.update(changes))
        self._emit_status(status)

    def _update_step(self, name: str, **changes: Any) -> None:
        def change(document: Document) -> None:
            document["Steps"].setdefault(name, {}).update(changes)
            document["LastModifiedTime"] = time.time()

        step = self._service.store.update(self._arn, change)["Steps"][name]
        if "StepStatus" in changes:
            detail = {
                "pipelineArn": self._execution["PipelineArn"],
                "pipelineExecutionArn": self._arn,
                "stepName": name,
                "stepType": self._nodes[name].step["Type"],
                "currentStepStatus": changes["StepStatus"],
                "stepStartTime": _iso(step["StartTime"]),
                "failureReason": changes.get("FailureReason"),
                "metadata": step.get("Metadata", {}),
            }
            self._emit("SageMaker Model Building Pipeline Execution Step Status Change", detail)

    def _emit_status(self, status: str) -> None:
        detail = {
            "pipelineArn": self._execution["PipelineArn"],
            "pipelineExecutionArn": self._arn,
            "pipelineExecutionDisplayName": self._execution["PipelineExecutionDisplayName"],
            "currentPipelineExecutionStatus": status,
            "executionStartTime": _iso(self._execution["StartTime"]),
        }
        self._emit("SageMaker Model Building Pipeline Execution Status Change", detail)

    def _emit(self, detail_type: str, detail: Document) -> None:
        resources = [self._execution["PipelineArn"], self._arn]
        self._service.emit(self._scope, detail_type, resources, detail)

    def _read_json(self, uri: str) -> Any:
        location = S3Uri.parse(uri)
        client = Aws(self._scope).client("s3")
        try:
            return json.loads(client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read())
        except client.exceptions.ClientError as error:
            raise StepFailedError(f"ClientError: cannot read property file {uri}: {error}") from None
        except json.JSONDecodeError as error:
            raise StepFailedError(f"ClientError: property file {uri} is not JSON: {error}") from None


def _property_files(nodes: dict[str, Node]) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (node.name, file["PropertyFileName"]): (file["OutputName"], file["FilePath"])
        for node in nodes.values()
        for file in node.step.get("PropertyFiles", [])
    }


def _execution_variables(execution: Document) -> dict[str, Any]:
    start = _iso(execution["StartTime"])
    return {
        "PipelineName": execution["PipelineName"],
        "PipelineArn": execution["PipelineArn"],
        "PipelineExecutionId": execution["PipelineExecutionId"],
        "PipelineExecutionArn": execution["PipelineExecutionArn"],
        "StartDateTime": start,
        "CurrentDateTime": start,
    }


def _iso(epoch_seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))
