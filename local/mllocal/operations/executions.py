"""Operations on pipeline executions: start, stop, describe, list."""

from __future__ import annotations

import json
import time
from typing import Any

from mllocal.errors import validation
from mllocal.operations import listing
from mllocal.operations.pipelines import find_pipeline
from mllocal.sagemaker.kinds import EXECUTION, STEP
from mllocal.sagemaker.service import Request, Service, operation, random_id
from mllocal.sagemaker.store import Document, Scope

_PARAMETER_TYPES = {"String": str, "Integer": int, "Float": float}


@operation("StartPipelineExecution")
def start_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    pipeline = find_pipeline(service, scope, request["PipelineName"])
    with service.store.transaction():
        for execution in _executions(service, scope, pipeline["PipelineArn"]):
            if execution["ClientRequestToken"] == request["ClientRequestToken"]:
                return execution
        execution = _new_execution(pipeline, request)
        service.store.insert(EXECUTION.name, execution["PipelineExecutionArn"], execution)
    service.executor.start(service, execution)
    return execution


def _new_execution(pipeline: Document, request: Request) -> Document:
    definition = json.loads(pipeline["PipelineDefinition"])
    execution_id = random_id()
    now = time.time()
    return {
        **request,
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineName": pipeline["PipelineName"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{execution_id}",
        "PipelineExecutionId": execution_id,
        "PipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName", f"execution-{int(now * 1000)}"),
        "PipelineExecutionStatus": "Executing",
        "PipelineDefinition": pipeline["PipelineDefinition"],
        "RoleArn": pipeline.get("RoleArn"),
        "ParallelismConfiguration": request.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration")),
        "Parameters": _parameters(definition, request.get("PipelineParameters", [])),
        "PipelineParameters": request.get("PipelineParameters", []),
        "Steps": {},
        "StartTime": now,
        "CreationTime": now,
        "LastModifiedTime": now,
    }


def _parameters(definition: dict[str, Any], given: list[dict[str, str]]) -> dict[str, Any]:
    """Every parameter's value for one execution: what was given, else the default. All problems at once."""
    declared = {parameter["Name"]: parameter for parameter in definition.get("Parameters", [])}
    texts = {parameter["Name"]: parameter["Value"] for parameter in given}
    problems = [
        f"parameter {name!r} is not one of the pipeline's; it has {', '.join(declared) or 'none'}"
        for name in texts
        if name not in declared
    ]
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        try:
            values[name] = _parameter_value(parameter, texts.get(name))
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise validation("; ".join(problems))
    return values


def _parameter_value(parameter: dict[str, Any], text: str | None) -> Any:
    name, kind = parameter["Name"], parameter["Type"]
    if text is None:
        if "DefaultValue" not in parameter:
            raise ValueError(f"parameter {name!r} has no default; give a value for it")
        return parameter["DefaultValue"]
    if parameter.get("EnumValues") and text not in parameter["EnumValues"]:
        raise ValueError(f"parameter {name!r} is {text!r}; use one of {', '.join(parameter['EnumValues'])}")
    if kind == "Boolean":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"parameter {name!r} is {text!r}; use true or false")
        return text.lower() == "true"
    try:
        return _PARAMETER_TYPES[kind](text)
    except ValueError:
        raise ValueError(f"parameter {name!r} is {text!r}, which is not of its type {kind}") from None


@operation("StopPipelineExecution")
def stop_pipeline_execution(service: Service, scope: Scope, request: Request) -> Document:
    execution = find_execution(service, request["PipelineExecutionArn"])
    if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
        raise validation(
            f"{execution['PipelineExecutionArn']} is {execution['PipelineExecutionStatus']}; only an execution that runs can be stopped"
        )
    service.executor.stop(service, execution["PipelineExecutionArn"])
    return execution


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
    execution = find_execution(service, request["PipelineExecutionArn"])
    steps = [{**step, "CreationTime": step["StartTime"]} for step in execution["Steps"].values()]
    return listing.page(STEP, steps, {**request, "SortBy": "CreationTime"}, "PipelineExecutionSteps")


@operation("ListPipelineParametersForExecution")
def list_pipeline_parameters_for_execution(service: Service, scope: Scope, request: Request) -> Document:
    execution = find_execution(service, request["PipelineExecutionArn"])
    parameters = [{"Name": name, "Value": _text(value)} for name, value in execution["Parameters"].items()]
    return {"PipelineParameters": parameters}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def find_execution(service: Service, arn: str) -> Document:
    """The execution of an ARN; `ResourceNotFound` when there is none."""
    return service.require(EXECUTION, arn, arn)


def _executions(service: Service, scope: Scope, pipeline_arn: str) -> list[Document]:
    return [
        execution for execution in service.store.find(EXECUTION.name, scope) if execution["PipelineArn"] == pipeline_arn
    ]
