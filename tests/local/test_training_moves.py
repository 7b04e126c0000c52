"""A training job for which no spot capacity comes: before the deadline, the platform does it on demand."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlplatform import InstanceLadder, Metric, SourceDirectory, TrainingPipeline, TrainingResources
from mlscaling.jobs.spot import MARGIN
from tests.local.deployed_project import deploy
from tests.local.test_training_ladder import LARGE, SCRIPTS, SMALL, execution_besides, machine_of, parameters_of, write
from tests.local.workbench import WAIT_SECONDS, Execution, Workbench

MAX_RUNTIME = timedelta(minutes=1)
TRAINS = """
    import os, pathlib
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text("1")
"""
RESUMES = """
    import os, pathlib, time
    epochs = pathlib.Path("/opt/ml/checkpoints/epochs")
    if not epochs.exists():
        epochs.write_text("3")
        time.sleep(60)
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text(epochs.read_text())
    print(f"validation:rmse={epochs.read_text()}")
"""


def deploy_pipeline(workbench: Workbench, directory: Path, project_name: str, train: str, **options: Any) -> str:
    """A project with a pipeline on spot capacity; its name."""
    jobs = write(directory / "jobs", {**SCRIPTS, "train.py": train})
    project = deploy(
        workbench,
        directory / "cdk.out",
        project_name,
        lambda project: TrainingPipeline(
            project,
            "Training",
            source=SourceDirectory(jobs),
            input_prefix="raw/",
            register_when=Metric("rmse").below(50),
            training=TrainingResources(
                spot=True, max_runtime_minutes=1, max_wait_minutes=60, ready_within_minutes=120, **options
            ),
        ),
    )
    project.put("raw/data.csv", "1")
    return f"{project_name}-training"


def ask_for(workbench: Workbench, pipeline_name: str, fault: str) -> None:
    """Have the training jobs of a pipeline ask for a fault."""
    pipeline = workbench.sagemaker.describe_pipeline(PipelineName=pipeline_name)
    definition = json.loads(pipeline["PipelineDefinition"])
    (train,) = (step for step in definition["Steps"] if step["Name"] == "Train")
    train["Arguments"]["Environment"] = {"MLP_FAULT": fault}
    workbench.sagemaker.update_pipeline(
        PipelineName=pipeline_name, PipelineDefinition=json.dumps(definition), RoleArn=pipeline["RoleArn"]
    )


def follower(workbench: Workbench, execution: Execution) -> Execution:
    """The execution on demand in the place of one, at its end."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        pipeline = execution.arn.partition("/execution/")[0].rpartition("/")[2]
        found = workbench.sagemaker.list_pipeline_executions(PipelineName=f"{pipeline}-on-demand")
        if found["PipelineExecutionSummaries"]:
            (only,) = found["PipelineExecutionSummaries"]
            return workbench.wait(only["PipelineExecutionArn"])
        time.sleep(0.2)
    raise TimeoutError(f"nothing followed {execution.arn} within {WAIT_SECONDS} seconds")


def job_of(workbench: Workbench, execution: Execution) -> dict[str, Any]:
    name = execution.steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job: dict[str, Any] = workbench.sagemaker.describe_training_job(TrainingJobName=name)
    return job


def versions(workbench: Workbench, project_name: str) -> list[dict[str, Any]]:
    listed = workbench.sagemaker.list_model_packages(ModelPackageGroupName=project_name)["ModelPackageSummaryList"]
    return [workbench.sagemaker.describe_model_package(ModelPackageName=one["ModelPackageArn"]) for one in listed]


def lasting_schedules(workbench: Workbench, group_name: str) -> list[str]:
    """The schedules of a group that do not end by themselves."""
    scheduler = workbench.engine.client("scheduler")
    listed = scheduler.list_schedules(GroupName=group_name)["Schedules"]
    found = [scheduler.get_schedule(GroupName=group_name, Name=one["Name"]) for one in listed]
    return [one["Name"] for one in found if one["ActionAfterCompletion"] != "DELETE" or not _is_one_time(one)]


def _is_one_time(schedule: dict[str, Any]) -> bool:
    expression: str = schedule["ScheduleExpression"]
    return expression.startswith("at(")


def test_a_job_that_was_interrupted_and_waits_near_the_deadline_goes_on_on_demand(
    workbench: Workbench, tmp_path: Path
) -> None:
    """Events about it come twice, late and in any order. Were it slower than is expected here, it would move all the same."""
    pipeline = deploy_pipeline(workbench, tmp_path, "moving", RESUMES)
    ask_for(workbench, pipeline, "spot:2s spot:none")
    engine = workbench.engine
    engine.put_faults(events={"doubled_rate": 1, "delayed_rate": 0.5, "max_delay_milliseconds": 500}, seed=3)
    ready_by = datetime.now(UTC) + MARGIN + MAX_RUNTIME + timedelta(seconds=25)

    try:
        waited = workbench.wait(workbench.start(pipeline, ReadyBy=ready_by.isoformat()))
        moved = follower(workbench, waited)
    finally:
        engine.put_faults()

    assert waited.status == "Stopped"
    assert job_of(workbench, waited)["EnableManagedSpotTraining"] is True
    assert moved.status == "Succeeded", {name: step.get("FailureReason") for name, step in moved.steps.items()}
    job = job_of(workbench, moved)
    assert not job.get("EnableManagedSpotTraining")
    assert job["CheckpointConfig"] == job_of(workbench, waited)["CheckpointConfig"]
    assert job["FinalMetricDataList"][0]["Value"] == 3
    given = parameters_of(workbench, moved)
    assert given["CheckpointsOf"] == waited.arn.rpartition("/")[2]
    assert given["Attempt"] == "2"
    assert moved.description["PipelineExecutionDescription"].startswith("Attempt 2, on demand, to be ready by ")
    assert moved.description["PipelineExecutionDescription"].endswith(waited.arn)
    (version,) = versions(workbench, "moving")
    assert version["CustomerMetadataProperties"]["pipeline_execution_arn"] == moved.arn
    assert lasting_schedules(workbench, f"{pipeline}-watch-training") == []


def test_after_spot_jobs_that_found_no_capacity_the_last_attempt_is_on_demand(
    workbench: Workbench, tmp_path: Path
) -> None:
    """What was short on spot capacity is not taken to be so on demand: the first type is asked for again."""
    pipeline = deploy_pipeline(
        workbench, tmp_path, "waiting", TRAINS, ladder=InstanceLadder.of(SMALL, LARGE), max_attempts=3
    )
    ask_for(workbench, pipeline, f"capacity:{SMALL} capacity:{LARGE}")

    first = workbench.wait(workbench.start(pipeline))
    second = workbench.wait(execution_besides(workbench, first.arn))
    moved = follower(workbench, second)

    assert [first.status, second.status] == ["Failed", "Failed"]
    assert [machine_of(workbench, one) for one in (first, second, moved)] == [SMALL, LARGE, SMALL]
    assert [parameters_of(workbench, one).get("Attempt", "1") for one in (first, second, moved)] == ["1", "2", "3"]
