"""Texts that are no definition are refused when the pipeline is created, whatever Python makes of them."""

from __future__ import annotations

import json

import pytest
import urllib3
from botocore.exceptions import ClientError

from mlpipelines import Get
from tests.local.execution_steps import run
from tests.local.workbench import ROLE, Workbench, shell_step


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[" * 300 + "]" * 300, "PipelineDefinition has values more than 200 levels deep"),
        ('{"a": ' * 20_000 + "1" + "}" * 20_000, "PipelineDefinition has values more than 200 levels deep"),
        ('{"Version": NaN}', "PipelineDefinition is not JSON: NaN is not a number that it can hold"),
        ('{"Version": 1e999}', "PipelineDefinition is not JSON: 1e999 is not a number that it can hold"),
        ("9" * 5000, "PipelineDefinition is not JSON: Exceeds the limit"),
        ("{", "PipelineDefinition is not JSON: Expecting property name"),
    ],
)
def test_a_text_that_is_no_definition_is_refused(workbench: Workbench, text: str, sentence: str) -> None:
    with pytest.raises(ClientError) as refused:
        workbench.sagemaker.create_pipeline(PipelineName="refused", PipelineDefinition=text, RoleArn=ROLE)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["Error"]["Message"].startswith(sentence)


def test_an_object_in_s3_that_is_not_text_is_refused(workbench: Workbench) -> None:
    workbench.put("definition.json", b"\xff\xfe")

    with pytest.raises(ClientError, match=r"definition.json is not UTF-8: .*; upload the definition's JSON"):
        workbench.sagemaker.create_pipeline(
            PipelineName="refused",
            PipelineDefinitionS3Location={"Bucket": workbench.bucket, "ObjectKey": "definition.json"},
            RoleArn=ROLE,
        )


def test_a_request_too_deep_to_read_is_refused(workbench: Workbench) -> None:
    answer = urllib3.request(
        "POST",
        workbench.engine.endpoint_url,
        headers={"X-Amz-Target": "SageMaker.CreatePipeline", "Content-Type": "application/x-amz-json-1.1"},
        body=b"[" * 20_000,
    )

    assert (answer.status, json.loads(answer.data)["__type"]) == (400, "SerializationException")


def test_steps_with_underscores_in_their_names_run(workbench: Workbench) -> None:
    """The names of jobs are made of those of the steps, and take no underscores."""
    first = shell_step("_Make_the_features_", "true")
    second = shell_step("_", "true", environment={"JOB": Get("Steps._Make_the_features_.ProcessingJobName")})

    execution = workbench.run(first, second)

    assert execution.statuses == {"_Make_the_features_": "Succeeded", "_": "Succeeded"}


def test_a_member_that_is_null_is_one_left_out(workbench: Workbench) -> None:
    names = ("DependsOn", "PropertyFiles", "RetryPolicies", "CacheConfig", "DisplayName", "OutputParameters")
    step = {**shell_step("Step", "true").to_json(), **dict.fromkeys(names)}

    assert run(workbench, step).status == "Succeeded"
