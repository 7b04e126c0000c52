"""The platform's own templates on the embedded AWS: deployed by the CDK CLI, run through boto3, changed and destroyed."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

import mllocal
from examples.demand_forecast.history import DATA, write_history
from mlrecords import provenance
from tests.local.deployed_platform import FORECAST, REPOSITORY, TRAINING, Deployment
from tests.local.workbench import Execution, Workbench

ORIGIN = datetime(2011, 12, 12)


@pytest.fixture(scope="module")
def deployment(engine: mllocal.Engine, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Synthesize without credentials, bootstrap, deploy everything."""
    assembly = tmp_path_factory.mktemp("assembly") / "cdk.out"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    subprocess.run([sys.executable, "app.py"], cwd=REPOSITORY, env={**clean, "CDK_OUTDIR": str(assembly)}, check=True)
    deployed = Deployment(Workbench.create(engine, "end-to-end"), assembly)
    deployed.cdk("bootstrap", f"aws://{engine.account}/{engine.region}")
    deployed.cdk("deploy", "--all", "--require-approval", "never", "--concurrency", "4")
    return deployed


@pytest.fixture(scope="module")
def trained(deployment: Deployment) -> Execution:
    """One successful training run on the history up to the origin, and its forecast input."""
    history = deployment.assembly.parent / "history.csv"
    write_history(history, until=ORIGIN)
    deployment.upload("bikeshare/hourly/history.csv", history.read_bytes())
    deployment.upload("bikeshare/history/history.csv", history.read_bytes())
    return deployment.run(TRAINING)


def test_the_deployed_definition_is_the_synthesized_one(deployment: Deployment) -> None:
    bodies = [
        resource["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
        for resource in deployment.template()["Resources"].values()
        if resource["Type"] == "AWS::SageMaker::Pipeline" and resource["Properties"]["PipelineName"] == TRAINING
    ]
    fragments = [part for part in bodies[0]["Fn::Join"][1] if isinstance(part, str)]
    deployed = deployment.workbench.sagemaker.describe_pipeline(PipelineName=TRAINING)["PipelineDefinition"]

    position = 0
    for fragment in fragments:  # Between them stand the names and ARNs that only a deployment knows.
        position = deployed.index(fragment, position) + len(fragment)
    assert "${Token" not in deployed


def test_where_the_jobs_code_came_from_was_published_beside_its_archive(deployment: Deployment) -> None:
    """`cdk deploy` publishes it although no template names it."""
    archives = set(re.findall(r"s3://[^\s\"]+/[0-9a-f]{64}\.gz", json.dumps(deployment.definition(TRAINING))))
    uris = [provenance.uri_of(archive) for archive in archives]
    assert uris
    found = [json.loads(deployment.read(uri)) for uri in uris if uri is not None]

    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert {one["commit"] for one in found} == {head.stdout.strip()}
    assert "examples/demand_forecast/jobs" in {one["directory"] for one in found}


def test_the_schedule_calls_the_controller_of_the_runs(deployment: Deployment) -> None:
    schedule = deployment.workbench.engine.client("scheduler").get_schedule(Name=FORECAST, GroupName=FORECAST)
    controller = deployment.workbench.engine.client("lambda").get_function(FunctionName=f"{FORECAST}-controller")

    assert schedule["Target"]["Arn"] == controller["Configuration"]["FunctionArn"]
    assert schedule["ScheduleExpressionTimezone"] == "America/New_York"


def test_without_an_approved_model_the_forecast_fails_with_that_sentence(deployment: Deployment) -> None:
    execution = deployment.forecast()

    assert execution.statuses == {"BeginRun": "Failed"}
    assert "model package group 'demand-forecast' has no version" in execution.reason("BeginRun")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"day,hr\n1,0\n", "bikers"),
        (DATA.read_bytes().splitlines(keepends=True)[0], "row"),
    ],
    ids=["missing columns", "zero rows"],
)
def test_bad_data_stops_the_training_with_its_reason_and_registers_nothing(
    deployment: Deployment, content: bytes, message: str
) -> None:
    before = deployment.versions()
    deployment.upload("bad/history.csv", content)
    bucket = deployment.resource("AWS::S3::Bucket", "ProjectData")

    execution = deployment.run(TRAINING, InputUri=f"s3://{bucket}/bad/")

    assert execution.statuses == {"ValidateData": "Failed"}
    assert message in execution.reason("ValidateData")
    assert deployment.versions() == before


def test_training_registers_a_version_that_beats_the_baseline(deployment: Deployment, trained: Execution) -> None:
    assert trained.status == "Succeeded", trained.steps
    package = deployment.workbench.sagemaker.describe_model_package(
        ModelPackageName=trained.steps["RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    )
    metrics = json.loads(deployment.read(package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]))
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert metrics["regression_metrics"]["relative_rmse"]["value"] < 1


def test_a_pending_version_is_not_used(deployment: Deployment, trained: Execution) -> None:
    execution = deployment.forecast()

    assert execution.statuses == {"BeginRun": "Failed"}
    assert "is approved; approve one" in execution.reason("BeginRun")


def test_an_approved_version_forecasts_the_week_and_publishes_it_last(
    deployment: Deployment, trained: Execution
) -> None:
    version = deployment.versions()[-1]["ModelPackageArn"]
    deployment.workbench.sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")

    execution = deployment.forecast()

    assert execution.status == "Succeeded", execution.steps
    published = execution.steps["PublishRun"]["Metadata"]["Lambda"]["OutputParameters"]
    manifest = json.loads(deployment.read({item["Name"]: item["Value"] for item in published}["manifest_uri"]))
    assert manifest["model_package_arn"] == version
    assert manifest["execution_arn"] == execution.arn
    assert [item["key"] for item in manifest["input"]["objects"]] == ["bikeshare/history/history.csv"]
    rows = [
        row
        for file in manifest["output"]["files"]
        for row in pq.read_table(io.BytesIO(deployment.read(manifest["output"]["uri"] + file["path"]))).to_pylist()
    ]
    assert [row["timestamp"] for row in rows] == [ORIGIN + timedelta(hours=hour) for hour in range(168)]
    assert all(0 <= row["forecast"] < 2000 for row in rows)


def test_the_next_version_is_registered_with_its_comparison_with_the_approved_one(
    deployment: Deployment, trained: Execution
) -> None:
    approved = deployment.versions()[-1]["ModelPackageArn"]
    deployment.workbench.sagemaker.update_model_package(ModelPackageArn=approved, ModelApprovalStatus="Approved")

    execution = deployment.run(TRAINING, max_iter="150")

    newest = deployment.workbench.sagemaker.describe_model_package(
        ModelPackageName=execution.steps["RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    )
    metadata = newest["CustomerMetadataProperties"]
    report = json.loads(deployment.read(metadata["comparison_uri"]))
    assert metadata["compared_with"] == approved
    assert "of version 1" in metadata["comparison"]
    assert report["production"]["value"] != report["new"]["value"]
    assert newest["ModelApprovalStatus"] == "PendingManualApproval"


def test_mlflow_has_a_finished_run_for_the_training_job_with_its_parameters(
    deployment: Deployment, trained: Execution
) -> None:
    import mlflow

    arn = trained.steps["Train"]["Metadata"]["TrainingJob"]["Arn"]
    client = mlflow.MlflowClient(tracking_uri=deployment.workbench.engine.mlflow_url)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:  # Events arrive later than what they tell of.
        experiment = client.get_experiment_by_name("demand-forecast")
        runs = client.search_runs([experiment.experiment_id], f"tags.`sagemaker.arn` = '{arn}'") if experiment else []
        if runs and runs[0].info.status == "FINISHED":
            break
        time.sleep(0.2)

    assert len(runs) == 1
    assert runs[0].info.status == "FINISHED"
    assert runs[0].data.params["loss"] == "poisson"
    assert runs[0].data.metrics


def test_a_due_schedule_starts_a_run_of_its_moment(deployment: Deployment) -> None:
    scheduler = deployment.workbench.engine.client("scheduler")
    deployed = scheduler.get_schedule(Name=FORECAST, GroupName=FORECAST)
    before = len(deployment.executions(FORECAST))
    moment = datetime.now(UTC)

    scheduler.create_schedule(
        Name="now",
        ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=deployed["Target"],
    )

    deadline = time.monotonic() + 60
    while len(deployment.executions(FORECAST)) == before and time.monotonic() < deadline:
        time.sleep(0.2)
    scheduler.delete_schedule(Name="now")
    started = deployment.executions(FORECAST)
    assert len(started) == before + 1
    execution = deployment.workbench.wait(started[0]["PipelineExecutionArn"])
    answers = execution.steps["BeginRun"]["Metadata"]["Lambda"]["OutputParameters"]
    assert {"Name": "run_id", "Value": f"{moment:%Y-%m-%dT%H%M%SZ}"} in answers


def test_deploying_again_changes_nothing(deployment: Deployment) -> None:
    printed = deployment.cdk("deploy", "--all", "--require-approval", "never", "--concurrency", "4")

    assert printed.count("(no changes)") == 4


@pytest.fixture(scope="module")
def people_at_work(deployment: Deployment) -> dict[str, Any]:
    return deployment.put_people_to_work()


def test_a_projects_idle_limits_are_those_of_its_people(deployment: Deployment, people_at_work: dict[str, Any]) -> None:
    profile = deployment.workbench.sagemaker.describe_user_profile(
        DomainId=people_at_work["DomainId"], UserProfileName="demand-forecast-ben-okafor"
    )
    idle = profile["UserSettings"]["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"]
    assert (idle["LifecycleManagement"], idle["IdleTimeoutInMinutes"]) == ("ENABLED", 90)


def test_destroying_removes_what_runs_and_who_works_and_keeps_the_data(
    deployment: Deployment, trained: Execution, people_at_work: dict[str, Any]
) -> None:
    engine = deployment.workbench.engine
    data_bucket = deployment.resource("AWS::S3::Bucket", "ProjectData")

    deployment.cdk("destroy", "--all", "--force")

    names = [
        summary["PipelineName"] for summary in deployment.workbench.sagemaker.list_pipelines()["PipelineSummaries"]
    ]
    assert TRAINING not in names
    assert FORECAST not in names
    schedules = deployment.workbench.engine.client("scheduler").list_schedules()["Schedules"]
    assert [schedule["Name"] for schedule in schedules if schedule["GroupName"].startswith(FORECAST)] == []
    with pytest.raises(ClientError, match="does not exist"):
        deployment.workbench.sagemaker.describe_domain(DomainId=people_at_work["DomainId"])
    file_systems = engine.client("efs").describe_file_systems()["FileSystems"]
    assert people_at_work["HomeEfsFileSystemId"] not in [it["FileSystemId"] for it in file_systems]
    # A VPC with anything left in it would have failed the deletion of its stack.
    assert people_at_work["VpcId"] not in [it["VpcId"] for it in engine.client("ec2").describe_vpcs()["Vpcs"]]
    kept = deployment.workbench.engine.client("s3").list_objects_v2(Bucket=data_bucket)
    assert kept["KeyCount"] > 0
    assert deployment.versions()
