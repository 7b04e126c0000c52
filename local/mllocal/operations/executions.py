"""Operations on pipeline executions: start, retry, stop, update, describe, list."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from mllocal.errors import validation
from mllocal.execution.graph import nodes_of
from mllocal.execution.selection import SOURCE_STATUSES, reused_steps, selection_problems
from mllocal.operations import (
    listing,
    versions,
)
from mllocal.operations.parameters import parameter_texts, parameter_values
from mllocal.operations.pipelines import find_pipeline
from mllocal.sagemaker.kinds import EXECUTION, STEP
from mllocal.sagemaker.service import Request, Service, operation, random_id
from mllocal.sagemaker.store import Document, Scope

START_TOKEN = "PipelineExecutionToken"  # noqa: S105 - the kind of a document
RETRIED_STATUSES = ("Failed", "Stopped")
_UPDATABLE = ("PipelineExecutionDescription", "PipelineExecutionDisplayName", "ParallelismConfiguration")


@operation("StartPipelineExecution")
def start_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = find_pipeline(service, scope, request["PipelineName"])
    with service.store.transaction():
        started = _started_before(service, pipeline, request["ClientRequestToken"])
        if started is not None:
            return started
        version = versions.find_version(service, pipeline, request.get("PipelineVersionId"))
        execution = _new_execution(service, pipeline, version, request)
        service.store.insert(EXECUTION.name, execution["PipelineExecutionArn"], execution)
        token = {"PipelineExecutionArn": execution["PipelineExecutionArn"]}
        service.store.insert(START_TOKEN, _token_arn(pipeline, request["ClientRequestToken"]), token)
        versions.note_execution(service, execution)
    service.executor.start(service, execution["PipelineExecutionArn"])
    return execution


def _started_before(service: Service, pipeline: Document, client_request_token: str) -> Document | None:
    """The execution that the same request started already."""
    token = service.store.get(_token_arn(pipeline, client_request_token))
    return None if token is None else service.store.get(token["PipelineExecutionArn"])


def _token_arn(pipeline: Document, client_request_token: str) -> str:
    return f"{pipeline['PipelineArn']}/start/{client_request_token}"


def _new_execution(service: Service, pipeline: Document, version: Document, request: Request) -> Document:
    definition = json.loads(version["PipelineDefinition"])
    execution_id = random_id()
    now = time.time()
    return {
        **request,
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineName": pipeline["PipelineName"],
        "PipelineVersionId": version["PipelineVersionId"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{execution_id}",
        "PipelineExecutionId": execution_id,
        "PipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName", f"execution-{int(now * 1000)}"),
        "PipelineExecutionStatus": "Executing",
        "PipelineDefinition": version["PipelineDefinition"],
        "RoleArn": pipeline.get("RoleArn"),
        "ParallelismConfiguration": request.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration")),
        "Parameters": parameter_values(definition, request.get("PipelineParameters", [])),
        "PipelineParameters": request.get("PipelineParameters", []),
        "Steps": _steps_from_source(service, pipeline, definition, request.get("SelectiveExecutionConfig")),
        "StartTime": now,
        "CreationTime": now,
        "LastModifiedTime": now,
    }


def _steps_from_source(
    service: Service, pipeline: Document, definition: dict[str, Any], config: Document | None
) -> dict[str, Document]:
    """The steps that a selective execution has before it runs. Raises with all problems of the selection."""
    if config is None:
        return {}
    nodes = nodes_of(definition)
    names = [step["StepName"] for step in config["SelectedSteps"]]
    source = _source(service, pipeline, config.get("SourcePipelineExecutionArn"))
    problems = selection_problems(nodes, names, source)
    if problems:
        raise validation("; ".join(problems))
    return {} if source is None else reused_steps(nodes, names, source)


def _source(service: Service, pipeline: Document, arn: str | None) -> Document | None:
    if arn is None:
        return None
    source = find_execution(service, arn)
    if source["PipelineArn"] != pipeline["PipelineArn"]:
        raise validation(
            f"SourcePipelineExecutionArn {arn} is of pipeline {source['PipelineName']!r}; "
            f"give an execution of {pipeline['PipelineName']!r}"
        )
    if source["PipelineExecutionStatus"] not in SOURCE_STATUSES:
        status = source["PipelineExecutionStatus"]
        raise validation(f"SourcePipelineExecutionArn {arn} is {status}; wait until it has ended or give another")
    return source


@operation("RetryPipelineExecution")
def retry_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    arn = request["PipelineExecutionArn"]
    with service.store.transaction():
        execution = find_execution(service, arn)
        if request["ClientRequestToken"] in execution.get("RetryTokens", []):
            return execution
        if execution["PipelineExecutionStatus"] not in RETRIED_STATUSES:
            raise validation(
                f"{arn} is {execution['PipelineExecutionStatus']}; only an execution that is "
                f"{' or '.join(RETRIED_STATUSES)} can be retried"
            )
        execution = service.store.update(arn, partial(_reopen, request=request))
    service.executor.start(service, execution["PipelineExecutionArn"])
    return execution


def _reopen(execution: Document, request: Request) -> None:
    """Keep the steps that succeeded, forget the others: they run again."""
    execution.update(
        PipelineExecutionStatus="Executing",
        FailureReason=None,
        PipelineExecutionFailureReason=None,
        LastModifiedTime=time.time(),
        RetryTokens=[*execution.get("RetryTokens", []), request["ClientRequestToken"]],
        ParallelismConfiguration=request.get("ParallelismConfiguration", execution.get("ParallelismConfiguration")),
        Steps={
            name: step
            for name, step in execution["Steps"].items()
            if step["StepStatus"] == "Succeeded" or "SelectiveExecutionResult" in step
        },
    )


@operation("StopPipelineExecution")
def stop_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    execution = find_execution(service, request["PipelineExecutionArn"])
    if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
        raise validation(
            f"{execution['PipelineExecutionArn']} is {execution['PipelineExecutionStatus']}; only an execution that runs can be stopped"
        )
    service.executor.stop(service, execution["PipelineExecutionArn"])
    return execution


@operation("UpdatePipelineExecution")
def update_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    execution = find_execution(service, request["PipelineExecutionArn"])
    changes = {name: request[name] for name in _UPDATABLE if name in request}

    def change(document: Document) -> None:
        document.update({**changes, "LastModifiedTime": time.time()})

    return service.store.update(execution["PipelineExecutionArn"], change)


@operation("DescribePipelineExecution")
def describe_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    return find_execution(service, request["PipelineExecutionArn"])


@operation("DescribePipelineDefinitionForExecution")
def describe_pipeline_definition_for_execution(service: Service, scope: Scope, request: Request) -> Document:
    return find_execution(service, request["PipelineExecutionArn"])


@operation("ListPipelineExecutions")
def list_pipeline_executions(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = find_pipeline(service, scope, request["PipelineName"])
    executions = _executions(service, scope, pipeline["PipelineArn"])
    return listing.page(EXECUTION, executions, request, "PipelineExecutionSummaries", order="Descending")


@operation("ListPipelineExecutionSteps")
def list_pipeline_execution_steps(service: Service, scope: Scope, request: Request) -> Document:
    if "PipelineExecutionArn" not in request:  # the model does not require it; the service does
        raise validation("PipelineExecutionArn is missing; give the ARN of an execution")
    execution = find_execution(service, request["PipelineExecutionArn"])
    steps = [{**step, "CreationTime": step["StartTime"]} for step in execution["Steps"].values()]
    return listing.page(STEP, steps, {**request, "SortBy": "CreationTime"}, "PipelineExecutionSteps")


@operation("ListPipelineParametersForExecution")
def list_pipeline_parameters_for_execution(service: Service, scope: Scope, request: Request) -> Document:
    execution = find_execution(service, request["PipelineExecutionArn"])
    return {"PipelineParameters": parameter_texts(execution["Parameters"])}


def find_execution(service: Service, arn: str) -> Document:
    """The execution of an ARN; `ResourceNotFound` when there is none."""
    return service.require(EXECUTION, arn, arn)


def _executions(service: Service, scope: Scope, pipeline_arn: str) -> list[Document]:
    return [
        execution for execution in service.store.find(EXECUTION.name, scope) if execution["PipelineArn"] == pipeline_arn
    ]
