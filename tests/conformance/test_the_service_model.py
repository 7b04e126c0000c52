"""Every answer of the engine has the shape that AWS's own model gives it, and every error a code that AWS has."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from mlpipelines import FailStep, Parameter, Pipeline
from tests.conformance.online import ROLE, Online
from tests.conformance.sdk import REGION
from tests.conformance.shapes import Recorder, smallest_request


@pytest.fixture(scope="module")
def raw(engine: dict[str, str]) -> Any:
    """A client that sends what it is given: the service has to refuse what is wrong."""
    return boto3.client("sagemaker", region_name=REGION, config=Config(parameter_validation=False))


@pytest.fixture(scope="module")
def emulated(raw: Any) -> list[str]:
    """The operations there are: an operation that is not emulated answers with their names."""
    with pytest.raises(ClientError) as unknown:
        raw.list_clusters()
    words = set(unknown.value.response["Error"]["Message"].replace(",", " ").replace(".", " ").split())
    return sorted(words & set(raw.meta.service_model.operation_names))


def call(client: Any, operation: str, request: Any) -> None:
    """Call an operation; the recorder judges what comes back, error or not."""
    with suppress(ClientError):
        getattr(client, xform_name(operation))(**request)


def test_every_operation_refuses_an_empty_request_or_answers_in_shape(raw: Any, emulated: list[str]) -> None:
    recorder = Recorder()
    recorder.listen(raw)
    for operation in emulated:
        call(raw, operation, {})

    assert len(emulated) > 30
    assert not recorder.problems, "\n".join(recorder.problems)
    for operation in emulated:
        required = raw.meta.service_model.operation_model(operation).input_shape.required_members
        if required:
            assert recorder.errors.get(operation) == {"ValidationException"}, operation


def test_every_operation_on_what_does_not_exist_fails_with_a_code_of_aws(raw: Any, emulated: list[str]) -> None:
    recorder = Recorder()
    recorder.listen(raw)
    for operation in sorted(emulated, key=lambda name: name.startswith("Create")):  # what is made exists afterwards
        call(raw, operation, smallest_request(raw.meta.service_model.operation_model(operation).input_shape))

    assert not recorder.problems, "\n".join(recorder.problems)
    for operation in emulated:
        if operation.startswith(("Describe", "Delete", "Stop", "Update")):
            assert recorder.errors.get(operation), f"{operation} found what does not exist"


def test_every_operation_refuses_members_and_types_that_it_does_not_have(raw: Any, emulated: list[str]) -> None:
    recorder = Recorder()
    recorder.listen(raw)
    for operation in emulated:
        shape = raw.meta.service_model.operation_model(operation).input_shape
        wrong = {name: {"an": ["object"]} for name, member in shape.members.items() if member.type_name == "string"}
        call(raw, operation, wrong)

    assert not recorder.problems, "\n".join(recorder.problems)
    assert {code for codes in recorder.errors.values() for code in codes} == {"ValidationException"}


def test_what_a_run_leaves_is_described_in_shape(online: Online, raw: Any) -> None:
    """One pipeline with jobs, a model and a version; then everything that lists or describes any of it."""
    recorder = Recorder()
    client = online.sagemaker
    recorder.listen(client)
    client.create_model_package_group(ModelPackageGroupName=online.name)
    finished = online.run(online.report("Report", {"a": 1}), online.say("Break", "exit 1"))
    group = {"ModelPackageGroupName": online.name}
    container = {"Image": "1.dkr.ecr.us-east-1.amazonaws.com/i:1", "ModelDataUrl": online.uri("model.tar.gz")}
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
    version = client.create_model_package(
        **group, InferenceSpecification={**specification, "SupportedResponseMIMETypes": ["text/csv"]}
    )
    client.update_model_package(ModelPackageArn=version["ModelPackageArn"], ModelApprovalStatus="Approved")
    client.create_model(ModelName=online.name, ExecutionRoleArn=ROLE, PrimaryContainer=container)

    execution = {"PipelineExecutionArn": finished.execution.arn}
    job = finished.metadata("Report")["Arn"]
    for operation, request in {
        "DescribePipeline": {"PipelineName": online.name},
        "DescribePipelineDefinitionForExecution": execution,
        "DescribePipelineExecution": execution,
        "ListPipelines": {},
        "ListPipelineExecutions": {"PipelineName": online.name},
        "ListPipelineExecutionSteps": execution,
        "ListPipelineParametersForExecution": execution,
        "DescribeProcessingJob": {"ProcessingJobName": job.split("/")[-1]},
        "ListProcessingJobs": {},
        "ListTrainingJobs": {},
        "ListTransformJobs": {},
        "DescribeModel": {"ModelName": online.name},
        "ListModels": {},
        "DescribeModelPackageGroup": group,
        "ListModelPackageGroups": {},
        "DescribeModelPackage": {"ModelPackageName": version["ModelPackageArn"]},
        "ListModelPackages": group,
        "ListTags": {"ResourceArn": job},
    }.items():
        call(client, operation, request)
        assert operation in recorder.seen, f"{operation}: {recorder.errors.get(operation)}"

    assert not recorder.problems, "\n".join(recorder.problems)


def test_names_that_are_taken_and_values_that_are_wrong_have_the_codes_of_aws(online: Online) -> None:
    client = online.sagemaker
    choice = Parameter(name="Choice", default="a", enum_values=("a", "b"))
    body = Pipeline(name=online.name, steps=(FailStep(name="F", message="m"),), parameters=(choice,)).render()
    request = {"PipelineName": online.name, "RoleArn": ROLE, "ClientRequestToken": "t" * 32}
    client.create_pipeline(**request, PipelineDefinition=body)
    client.create_model_package_group(ModelPackageGroupName=online.name)
    broken = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "E", "Type": "EMR", "Arguments": {}}]})

    codes = [
        _code(lambda: client.create_model_package_group(ModelPackageGroupName=online.name)),
        _code(
            lambda: client.create_pipeline(**{**request, "PipelineName": f"{online.name}-2"}, PipelineDefinition=broken)
        ),
        _code(
            lambda: client.start_pipeline_execution(
                PipelineName=online.name, PipelineParameters=[{"Name": "Choice", "Value": "c"}]
            )
        ),
        _code(lambda: client.start_pipeline_execution(PipelineName="missing-thing")),
    ]

    assert codes == ["ValidationException", "ValidationException", "ValidationException", "ResourceNotFound"]


def _code(action: Any) -> str:
    with pytest.raises(ClientError) as refused:
        action()
    return str(refused.value.response["Error"]["Code"])
