"""Pipelines that were made elsewhere. The SDK is not here: `Sdk` has what `SageMakerPipeline` wants of one of its pipelines."""

from __future__ import annotations

import copy
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from mlpipelines import NetworkConfig, PipelineDefinitionError
from mlpipelines.imported import texts, with_texts
from mlpipelines.imported_defaults import JobDefaults, with_job_defaults
from mlplatform import InvalidPropsError, MlProject, SageMakerPipeline, Schedule
from mlplatform.pipeline.imported_session import ARTIFACT_BUCKET, DATA_BUCKET, JOB_ROLE_ARN
from mlplatform.policy import Statement
from tests.unit.mlpipelines import samples
from tests.unit.pipeline.synthesis import Synthesized, flat, new_project, synthesize_project

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
CODE = f"s3://{ARTIFACT_BUCKET}/churn/churn-20261123165322/input"
ELSEWHERE = "arn:aws:iam::999988887777:role/team"


@dataclass
class Session:
    uploads: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Sdk:
    """A pipeline as the SDK's: it renders itself, and its session kept what it uploaded."""

    body: dict[str, Any]
    sagemaker_session: Session = field(default_factory=Session)

    def definition(self) -> str:
        return json.dumps(self.body)


def definition(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": list(steps)}


def evaluate(uri: str, role: str = JOB_ROLE_ARN, name: str = "Evaluate") -> dict[str, Any]:
    """A processing step with a script, as the SDK's ScriptProcessor makes it."""
    source = {
        "S3Uri": uri,
        "LocalPath": "/opt/ml/processing/input/code",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    target = {
        "S3Uri": f"s3://{ARTIFACT_BUCKET}/evaluation",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "RoleArn": role,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/evaluate.py"],
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "ProcessingInputs": [{"InputName": "code", "S3Input": source}],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": target}]},
            "Tags": [{"Key": "project", "Value": "theirs"}, {"Key": "team", "Value": "churn"}],
        },
    }


def archive(files: dict[str, bytes], time: int) -> bytes:
    """A tar.gz as the SDK packs it: with the time of packing."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), time
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def imported(**options: Any) -> Callable[[MlProject], object]:
    return lambda project: SageMakerPipeline(project, "Churn", project=project, **options)


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


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))


def published(synthesized: Synthesized) -> dict[str, bytes]:
    """The objects that a deployment puts below `imported/`, by key without the folder named after the content."""
    (manifest,) = synthesized.directory.glob("*.assets.json")
    files = json.loads(manifest.read_text())["files"].values()
    keys = {next(iter(file["destinations"].values()))["objectKey"]: file["source"]["path"] for file in files}
    return {
        key.split("/", 3)[3]: Path(synthesized.directory, path).read_bytes()
        for key, path in keys.items()
        if key.startswith("imported/demo/")
    }


def code_uri(synthesized: Synthesized, step: str) -> str:
    uri: str = synthesized.steps("demo-churn")[step]["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    return uri


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


def test_code_inside_a_longer_text_is_refused(project: MlProject) -> None:
    uri = f"s3://{ARTIFACT_BUCKET}/churn/train.py"
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["Environment"] = {"COMMAND": f"fetch {uri} and run"}
    sdk = Sdk(definition(step))
    sdk.sagemaker_session.uploads = {uri: b"t"}

    with pytest.raises(InvalidPropsError, match=f"COMMAND: the uploaded {uri} stands inside a longer text"):
        SageMakerPipeline(project, "Inside", project=project, pipeline=sdk)


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


def test_everything_outside_the_project_is_told_at_once(project: MlProject) -> None:
    step = evaluate("s3://their-data/x", role=ELSEWHERE)
    register = {"Name": "Register", "Type": "RegisterModel", "Arguments": {"ModelPackageGroupName": "theirs"}}

    with pytest.raises(InvalidPropsError) as refused:
        SageMakerPipeline(project, "Outside", project=project, pipeline=definition(step, register))

    first, second, third = refused.value.problems
    assert first.startswith(f"step 'Evaluate', Arguments.RoleArn: role {ELSEWHERE} is of account 999988887777")
    assert second.startswith("step 'Evaluate', Arguments.ProcessingInputs.S3Input.S3Uri: bucket 'their-data' is not")
    assert third.startswith("step 'Register', Arguments.ModelPackageGroupName: model package group 'theirs' is not")


def test_other_buckets_may_be_read_when_they_are_named(tmp_path: Path) -> None:
    public = "s3://public-samples/churn/"
    made = synthesize_project(tmp_path, imported(pipeline=definition(evaluate(f"{public}evaluate.py")), reads=[public]))

    assert code_uri(made, "Evaluate") == f"{public}evaluate.py"
    assert "public-samples/churn/*" in json.dumps(made.template)


def test_a_bucket_whose_name_begins_as_a_placeholder_is_another_bucket(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError, match=f"bucket '{DATA_BUCKET}-2' is not the project's"):
        SageMakerPipeline(project, "Longer", project=project, pipeline=definition(evaluate(f"s3://{DATA_BUCKET}-2/x")))


def test_a_bucket_in_a_join_is_seen(project: MlProject) -> None:
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    joined = {"Std:Join": {"On": "/", "Values": ["s3:/", "their-data", {"Get": "Execution.PipelineExecutionId"}]}}
    step["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = joined

    with pytest.raises(InvalidPropsError, match="bucket 'their-data' is not the project's"):
        SageMakerPipeline(project, "Joined", project=project, pipeline=definition(step))


def test_a_bucket_that_the_job_role_may_use_is_no_other(tmp_path: Path) -> None:
    def define(project: MlProject) -> None:
        resources = [f"arn:{project.partition}:s3:::their-data"]
        project.allow_jobs(Statement(sid="FindTheirs", actions=["s3:ListBucket"], resources=resources))
        SageMakerPipeline(project, "Churn", project=project, pipeline=definition(evaluate("s3://their-data/x")))

    assert code_uri(synthesize_project(tmp_path, define), "Evaluate") == "s3://their-data/x"


def test_function_steps_are_refused(project: MlProject) -> None:
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["AppSpecification"]["ContainerArguments"] = ["--s3_base_uri", f"s3://{ARTIFACT_BUCKET}/fn"]

    with pytest.raises(InvalidPropsError, match="step 'Evaluate' is a function of @step: the SDK signs it"):
        SageMakerPipeline(project, "Function", project=project, pipeline=definition(step))


def test_what_sagemaker_would_refuse_is_refused_at_synthesis(project: MlProject) -> None:
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.m5.huge"

    with pytest.raises(PipelineDefinitionError, match=r"ml\.m5\.huge"):
        SageMakerPipeline(project, "Huge", project=project, pipeline=definition(step))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"pipeline": "pipeline.json"},
            "pipeline is of type str; give an mlpipelines.Pipeline, a sagemaker SDK pipeline",
        ),
        ({"pipeline": definition(), "reads": ["bucket/x"]}, "reads has 'bucket/x'; use s3://<bucket>/<prefix>"),
    ],
)
def test_wrong_props_are_refused(project: MlProject, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidPropsError, match=sentence):
        SageMakerPipeline(project, "Wrong", project=project, **options)


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


def test_texts_know_their_step_and_the_way_to_it() -> None:
    body = definition(samples.fork("Check", if_steps=[samples.call("Inner")]))

    places = {place.text: str(place) for place in texts(body)}

    assert places[samples.FUNCTION] == "step 'Inner', FunctionArn"
    assert with_texts(body, lambda place: place.text) == body


def test_defaults_leave_what_a_job_says_itself() -> None:
    step = evaluate("s3://b/x")
    step["Arguments"]["NetworkConfig"] = {"EnableNetworkIsolation": True}
    step["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] = "theirs"
    network = NetworkConfig(subnets=("subnet-1",), security_group_ids=("sg-1",))
    defaults = JobDefaults(kms_key_id="ours", volume_kms_key_id=lambda kind: None, network=network)

    (made,) = with_job_defaults(definition(step), defaults)["Steps"]

    assert made["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] == "theirs"
    assert made["Arguments"]["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert made["Arguments"]["NetworkConfig"]["VpcConfig"] == network.vpc_config()
    assert "VolumeKmsKeyId" not in made["Arguments"]["ProcessingResources"]["ClusterConfig"]


@pytest.mark.parametrize(
    ("step_type", "path"),
    [
        ("Training", ()),
        ("Tuning", ("TrainingJobDefinition",)),
        ("Model", ()),
    ],
)
def test_the_network_reaches_every_kind_of_job(step_type: str, path: tuple[str, ...]) -> None:
    arguments: dict[str, Any] = {"TrainingJobDefinition": {}} if path else {}
    body = definition({"Name": "S", "Type": step_type, "Arguments": arguments})
    network = NetworkConfig(subnets=("subnet-1",), security_group_ids=("sg-1",), encrypt_inter_container_traffic=True)
    defaults = JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: None, network=network, tags={"project": "p"})

    (made,) = with_job_defaults(body, defaults)["Steps"]

    job = made["Arguments"][path[0]] if path else made["Arguments"]
    assert job["VpcConfig"] == network.vpc_config()
    assert ("EnableInterContainerTrafficEncryption" in job) is (step_type != "Model")
    assert made["Arguments"]["Tags"] == [{"Key": "project", "Value": "p"}]


def test_the_key_reaches_the_volumes_of_tuning_in_both_forms() -> None:
    machine = {"InstanceType": "ml.m5.large"}
    jobs = [{"ResourceConfig": machine}, {"HyperParameterTuningResourceConfig": machine}]
    body = definition({"Name": "S", "Type": "Tuning", "Arguments": {"TrainingJobDefinitions": jobs}})

    (made,) = with_job_defaults(body, JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: "v"))["Steps"]

    resources = [next(iter(job.values())) for job in made["Arguments"]["TrainingJobDefinitions"]]
    assert [resource["VolumeKmsKeyId"] for resource in resources] == ["v", "v"]


@pytest.mark.parametrize(("second", "key"), [("ml.m5.xlarge", "v"), ("ml.g5.xlarge", None)])
def test_the_key_is_for_volumes_that_every_preferred_type_has(second: str, key: str | None) -> None:
    preferences = [{"InstanceType": "ml.m5.large"}, {"InstanceType": second}]
    resources = {"ResourceConfig": {"InstancePreferences": preferences}}
    body = definition({"Name": "S", "Type": "Training", "Arguments": resources})
    defaults = JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: None if "g5" in kind else "v")

    (made,) = with_job_defaults(body, defaults)["Steps"]

    assert made["Arguments"]["ResourceConfig"].get("VolumeKmsKeyId") == key


@pytest.mark.parametrize(("given", "expected"), [(None, 7200), (60, 60)])
@pytest.mark.parametrize("step_type", ["Processing", "Training"])
def test_a_job_that_does_not_say_how_long_it_may_run_gets_the_projects_limit(
    step_type: str, given: int | None, expected: int
) -> None:
    """IAM refuses a job without one: what it lacks cannot be held against the limit."""
    arguments = {} if given is None else {"StoppingCondition": {"MaxRuntimeInSeconds": given}}
    defaults = JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: None, max_runtime_seconds=7200)

    (made,) = with_job_defaults(definition({"Name": "S", "Type": step_type, "Arguments": arguments}), defaults)["Steps"]

    assert made["Arguments"]["StoppingCondition"] == {"MaxRuntimeInSeconds": expected}
