"""Random steps of each type: a function completes a step and returns what later steps can read from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.local.random_definitions.laboratory import BUCKET, FUNCTION_ARN, GROUP, QUEUE_URL
from tests.local.random_definitions.values import (
    MISSING_PATH,
    NUMBER_PATHS,
    SORTS,
    TEXT_PATHS,
    Json,
    Readable,
    Values,
    get,
    json_get,
    once_in,
)
from tests.local.workbench import IMAGE, ROLE

OUTPUT = "the report"
EXIT = "exit ${EXIT:-0}"
WRITE_REPORT = 'printf %s "$REPORT" > /opt/ml/processing/report/report.json'
exception_types = st.sampled_from(
    (
        ["SageMaker.CAPACITY_ERROR"],
        ["SageMaker.JOB_INTERNAL_ERROR"],
        ["SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR"],
        ["SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "Step.THROTTLING"],
        ["Step.THROTTLING", "Step.SERVICE_FAULT"],
    )
)
limits = st.sampled_from(({}, {"MaxAttempts": 1}, {"MaxAttempts": 1}, {"MaxAttempts": 2, "BackoffRate": 1.5}))
retry_policies = st.builds(
    lambda types, limit: {"ExceptionType": types, "IntervalSeconds": 0, **limit}, exception_types, limits
)


def processing(step: Json, values: Values) -> Readable:
    """A container that exits, sometimes with a report, sometimes badly, sometimes after faults of the service."""
    draw, name, environment = values.draw, step["Name"], values.variables()
    if once_in(draw, 7):
        environment["EXIT"] = "3"
    if once_in(draw, 6):
        environment["MLP_FAULT"] = draw(
            st.sampled_from(("capacity:1", "internal:2", "internal:3", "capacity:2 internal:1"))
        )
        step["RetryPolicies"] = draw(st.lists(retry_policies, min_size=1, max_size=2))
    if once_in(draw, 5):
        step["CacheConfig"] = {"Enabled": draw(st.sampled_from((True, True, False))), "ExpireAfter": "P1D"}
    has_report = once_in(draw, 2)
    if has_report:
        environment["REPORT"] = values.report()
    step["Arguments"] = {
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["sh", "-c", f"{WRITE_REPORT}; {EXIT}" if has_report else EXIT],
            "ContainerArguments": ["sh", values.text()],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 8}
        },
        "Environment": environment,
    }
    texts = (
        *(get(name, member) for member in ("ProcessingJobName", "ProcessingJobArn", "ProcessingJobStatus")),
        get(name, "AppSpecification.ContainerEntrypoint[0]"),
        get(name, "ProcessingResources.ClusterConfig.InstanceType"),
        *(get(name, f"Environment['{variable}']") for variable in environment),
    )
    numbers = (get(name, "ProcessingResources.ClusterConfig.VolumeSizeInGB"),)
    report = _with_report(step) if has_report else {"text": (), "number": ()}
    return {**report, "text": texts + report["text"], "number": numbers + report["number"]}


def _with_report(step: Json) -> Readable:
    """An output of a processing step with a property file in it."""
    uri = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}", {"Get": "Execution.PipelineName"}, step["Name"]]}}
    output = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/report", "S3UploadMode": "EndOfJob"}
    step["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": OUTPUT, "S3Output": output}]}
    step["PropertyFiles"] = [{"PropertyFileName": "report", "OutputName": OUTPUT, "FilePath": "report.json"}]
    prefix = get(step["Name"], f"ProcessingOutputConfig.Outputs['{OUTPUT}'].S3Output.S3Uri")
    quoted = get(step["Name"], f'ProcessingOutputConfig.Outputs["{OUTPUT}"].S3Output.S3Uri')
    file = {"PropertyFile": get(step["Name"], "PropertyFiles.report")}
    in_s3 = {"S3Uri": {"Std:Join": {"On": "/", "Values": [prefix, "report.json"]}}}
    return {
        "text": (prefix, quoted, *(json_get(file, path) for path in TEXT_PATHS)),
        "number": (*(json_get(file, path) for path in NUMBER_PATHS), json_get(in_s3, "score")),
        "missing": (json_get(file, MISSING_PATH),),
    }


def model(step: Json, values: Values) -> Readable:
    """A model; nothing runs."""
    container = {"Image": IMAGE, "Environment": values.variables()}
    step["Arguments"] = {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    variables = (f"PrimaryContainer.Environment['{variable}']" for variable in container["Environment"])
    paths = ("ModelName", "ModelArn", "PrimaryContainer.Image", *variables)
    return {"text": tuple(get(step["Name"], path) for path in paths)}


def register_model(step: Json, values: Values) -> Readable:
    """A version of a model package group."""
    step["Arguments"] = {
        "ModelPackageGroupName": GROUP,
        "ModelPackageDescription": values.text(),
        "InferenceSpecification": {"Containers": [{"Image": IMAGE, "Environment": values.variables()}]},
        "CustomerMetadataProperties": {"pipeline": {"Get": "Execution.PipelineName"}},
    }
    if once_in(values.draw, 2):
        step["Arguments"]["ModelApprovalStatus"] = "Approved"
    paths = ("ModelPackageArn", "ModelPackageGroupName", "ModelApprovalStatus", "ModelPackageDescription")
    texts = tuple(get(step["Name"], path) for path in paths)
    return {"text": texts, "number": (get(step["Name"], "ModelPackageVersion"),)}


def function(step: Json, values: Values) -> Readable:
    """A Lambda function that returns what it is told to."""
    return _with_outputs({"FunctionArn": FUNCTION_ARN}, step, values)


def callback(step: Json, values: Values) -> Readable:
    """A message to a queue, answered as the function answers."""
    return _with_outputs({"SqsQueueUrl": QUEUE_URL}, step, values)


def _with_outputs(asked: Json, step: Json, values: Values) -> Readable:
    outputs = values.outputs()
    step |= asked
    step["OutputParameters"] = [{"OutputName": name, "OutputType": kind} for name, (kind, _) in outputs.items()]
    step["Arguments"] = {
        "Fails": once_in(values.draw, 8),
        "Returns": {name: value for name, (_, value) in outputs.items()},
        "Also": [values.any(), {"deep": values.any()}],
    }
    if once_in(values.draw, 4):
        step["CacheConfig"] = {"Enabled": True}
    return {
        sort: tuple(
            get(step["Name"], f"OutputParameters['{name}']")
            for name, (kind, _) in outputs.items()
            if SORTS[kind] == sort
        )
        for sort in ("text", "number", "truth")
    }


def condition(step: Json, values: Values) -> Readable:
    """A condition step, without its branches."""
    step["Arguments"] = {"Conditions": values.conditions()}
    return {"text": (get(step["Name"], "Outcome"),)}


def fail(step: Json, values: Values) -> Readable:
    """The end of the execution, with words."""
    step["Arguments"] = {"ErrorMessage": values.text()}
    return {}


STEP_TYPES: dict[str, Callable[[Any, Values], Readable]] = {
    "Processing": processing,
    "Model": model,
    "RegisterModel": register_model,
    "Lambda": function,
    "Callback": callback,
    "Condition": condition,
    "Fail": fail,
}
