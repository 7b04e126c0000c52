"""A schedule that calls a function instead of the pipeline, deployed from a project's own template."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlpipelines import FailStep, Pipeline
from mlplatform import MlProject, SageMakerPipeline, Schedule
from mlplatform.pipeline.functions import RuntimeFunction
from tests.local.deployed_project import deploy
from tests.local.workbench import Workbench

PATIENCE_SECONDS = 60
CODE = """
import json, os, boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="told.json", Body=json.dumps(event))
"""


def test_the_function_is_told_when_the_start_was_due_and_why(workbench: Workbench, tmp_path: Path) -> None:
    code = tmp_path / "decide.py"
    code.write_text(CODE)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20)

    def define(project: MlProject) -> None:
        function = RuntimeFunction(
            project,
            "Decide",
            name="deciding-daily-controller",
            description="Decides",
            code=code,
            handler="decide.handler",
            environment={"BUCKET": workbench.bucket},
            statements=[],
            key_arn=project.key_arn,
            log_retention_days=30,
            failures="none",
        )
        SageMakerPipeline(
            project,
            "Daily",
            project=project,
            pipeline=Pipeline(name="deciding-daily", steps=[FailStep(name="Stop", message="started")]),
            schedule=Schedule.rate(days=1, start_date=start, end_date=start + timedelta(days=1)),
            start_through=function,
        )

    deploy(workbench, tmp_path / "cdk.out", "deciding", define)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "told.json" not in workbench.keys("told") and time.monotonic() < deadline:
        time.sleep(0.5)

    told = json.loads(workbench.get("told.json"))
    assert told == {"start": {"scheduled_at": f"{start:%Y-%m-%dT%H:%M:%SZ}", "because": "schedule"}}
    executions = workbench.sagemaker.list_pipeline_executions(PipelineName="deciding-daily")
    assert executions["PipelineExecutionSummaries"] == []
