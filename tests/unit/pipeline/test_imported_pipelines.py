"""What a pipeline that was made elsewhere becomes in a project: its code, its places, its jobs and what they may do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlplatform import MlProject, SageMakerPipeline, Schedule
from mlplatform.pipeline.imported_session import ARTIFACT_BUCKET, DATA_BUCKET
from mlplatform.policy import Statement
from tests.unit.mlpipelines import samples
from tests.unit.pipeline.made_elsewhere import (
    ELSEWHERE,
    Sdk,
    archive,
    code_uri,
    definition,
    evaluate,
    imported,
    published,
)
from tests.unit.pipeline.synthesis import Synthesized, flat, synthesize_project

CODE = f"s3://{ARTIFACT_BUCKET}/churn/churn-20261123165322/input"


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    sdk = Sdk(definition(evaluate(f"{CODE}/code/evaluate.py"), evaluate(f"{CODE}/drivers/", name="Drive")))
    sdk.sagemaker_session.uploads = {
        f"{CODE}/code/evaluate.py": b"print('evaluated')",
        f"{CODE}/drivers/run": b"#!/bin/bash",
        f"{CODE}/drivers/inner/source.tar.gz": archive({"a.py": b"a"}, time=1),
        f"{CODE}/unused/big.bin": b"0" * 100,
    }
    schedule = Schedule.cron("0 3 ? * MON *", time_zone="Europe/Berlin")
    out = tmp_path_factory.mktemp("out")
    return synthesize_project(out, imported(pipeline=sdk, schedule=schedule, max_parallel_steps=2))


def test_uploaded_code_becomes_assets_that_keep_their_names(synthesized: Synthesized) -> None:
    assert code_uri(synthesized, "Evaluate").endswith("/evaluate.py")
    assert "/imported/demo/" in code_uri(synthesized, "Evaluate")
    assert code_uri(synthesized, "Drive").endswith("/")
    assert published(synthesized).keys() == {"evaluate.py", "run", "inner/source.tar.gz"}
    assert published(synthesized)["evaluate.py"] == b"print('evaluated')"


def test_placeholders_become_the_projects_own(synthesized: Synthesized) -> None:
    arguments = synthesized.steps("demo-churn")["Evaluate"]["Arguments"]
    (artifacts,) = (name for name in synthesized.resources("AWS::S3::Bucket") if name.startswith("ProjectArtifacts"))

    assert arguments["RoleArn"].startswith("<ProjectTrainingJobRole")
    assert arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == f"s3://<{artifacts}>/evaluation"


def test_jobs_get_the_projects_key_and_tags(synthesized: Synthesized) -> None:
    arguments = synthesized.steps("demo-churn")["Evaluate"]["Arguments"]

    assert arguments["ProcessingOutputConfig"]["KmsKeyId"].startswith("<ProjectKey")
    assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"].startswith("<ProjectKey")
    tags = {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}
    assert tags == {"team": "churn", "project": "demo", "owner": "team@example.com", "cost-center": "demo"}


def test_the_schedule_starts_it_in_the_time_zone_given(synthesized: Synthesized) -> None:
    schedule = synthesized.only("AWS::Scheduler::Schedule")

    assert (schedule["ScheduleExpressionTimezone"], schedule["Name"]) == ("Europe/Berlin", "demo-churn")
    assert synthesized.only("AWS::SageMaker::Pipeline")["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 2}


def test_jobs_may_read_the_code_and_pull_the_image(synthesized: Synthesized) -> None:
    policies = json.dumps(synthesized.resources("AWS::IAM::Policy")) + json.dumps(
        synthesized.resources("AWS::IAM::Role")
    )

    assert "/imported/demo/*" in policies
    assert "repository/sagemaker-scikit-learn" in policies


def test_packing_at_another_time_and_under_another_name_changes_nothing(tmp_path: Path) -> None:
    def packed(folder: str, time: int) -> Sdk:
        uri = f"s3://{ARTIFACT_BUCKET}/churn-{folder}/source.tar.gz"
        sdk = Sdk(definition(evaluate(uri)))
        sdk.sagemaker_session.uploads = {uri: archive({"evaluate.py": b"e", "lib.py": b"l"}, time)}
        return sdk

    first = synthesize_project(tmp_path / "a", imported(pipeline=packed("20261123", 1)))
    second = synthesize_project(tmp_path / "b", imported(pipeline=packed("20261124", 2)))

    assert first.template == second.template
    assert published(first) == published(second)


def test_code_in_a_hyperparameter_is_found_in_its_json(tmp_path: Path) -> None:
    uri = f"s3://{ARTIFACT_BUCKET}/churn/sourcedir.tar.gz"
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["Environment"] = {"SAGEMAKER_SUBMIT_DIRECTORY": json.dumps(uri)}
    sdk = Sdk(definition(step))
    sdk.sagemaker_session.uploads = {uri: archive({"train.py": b"t"}, time=1)}

    made = synthesize_project(tmp_path, imported(pipeline=sdk))

    value = json.loads(made.steps("demo-churn")["Evaluate"]["Arguments"]["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"])
    assert "/imported/demo/" in value
    assert value.endswith("/sourcedir.tar.gz")


def test_a_definition_comes_in_with_replacements(tmp_path: Path) -> None:
    body = definition(evaluate("s3://their-data/code/evaluate.py", role=ELSEWHERE))
    before = copy.deepcopy(body)

    def define(project: MlProject) -> None:
        replacements = {ELSEWHERE: project.training_job_role_arn, "their-data": project.data_bucket_name}
        SageMakerPipeline(project, "Churn", project=project, pipeline=body, replacements=replacements)

    made = synthesize_project(tmp_path, define)

    (data,) = (name for name in made.resources("AWS::S3::Bucket") if name.startswith("ProjectData"))
    assert code_uri(made, "Evaluate") == f"s3://<{data}>/code/evaluate.py"
    assert body == before


def test_other_buckets_may_be_read_when_they_are_named(tmp_path: Path) -> None:
    public = "s3://public-samples/churn/"
    made = synthesize_project(tmp_path, imported(pipeline=definition(evaluate(f"{public}evaluate.py")), reads=[public]))

    assert code_uri(made, "Evaluate") == f"{public}evaluate.py"
    assert "public-samples/churn/*" in json.dumps(made.template)


def test_a_bucket_that_the_job_role_may_use_is_no_other(tmp_path: Path) -> None:
    def define(project: MlProject) -> None:
        resources = [f"arn:{project.partition}:s3:::their-data"]
        project.allow_jobs(Statement(sid="FindTheirs", actions=["s3:ListBucket"], resources=resources))
        SageMakerPipeline(project, "Churn", project=project, pipeline=definition(evaluate("s3://their-data/x")))

    assert code_uri(synthesize_project(tmp_path, define), "Evaluate") == "s3://their-data/x"


def test_functions_queues_and_tuning_are_granted(tmp_path: Path) -> None:
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/approvals"
    outputs = [{"OutputName": "out", "OutputType": "String"}]
    callback = {
        "Name": "Wait", "Type": "Callback", "SqsQueueUrl": queue, "OutputParameters": outputs, "Arguments": {"a": "1"},
    }  # fmt: skip
    made = synthesize_project(tmp_path, imported(pipeline=definition(samples.call("Call"), callback)))

    policies = json.dumps(made.template)
    assert samples.FUNCTION in policies
    assert "123456789012:approvals" in flat_text(made)


def flat_text(made: Synthesized) -> str:
    """Every joined text of a template."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict) and "Fn::Join" in value:
            found.append(flat(value))
        elif isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str):
            found.append(value)

    walk(made.template["Resources"])
    return "\n".join(found)
