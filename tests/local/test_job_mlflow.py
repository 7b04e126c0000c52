"""`mlflow.autolog()` in the job of a pipeline logs to the engine's MLflow, in the project's experiment, tagged with its job."""

from __future__ import annotations

import json
import sys

import mlflow as client_library

from mlpipelines import MlflowConfig, Pipeline
from tests.local.workbench import ROLE, Workbench, shell_step

CONFIG = MlflowConfig(
    resource_arn="arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-X", experiment_name="of-a-job"
)
TRAIN = "import mlflow; run = mlflow.start_run(); mlflow.log_metric('rmse', 1.5); mlflow.end_run()"


def test_a_job_of_a_pipeline_with_mlflow_logs_to_the_engines_server(workbench: Workbench) -> None:
    """The interpreter of these tests stands for an image that has MLflow."""
    step = shell_step("Fit", f'{sys.executable} -c "{TRAIN}"')
    name = f"{workbench.bucket}-mlflow"
    definition = Pipeline(name=name, steps=[step], mlflow=CONFIG).render()
    workbench.sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE, ClientRequestToken="0" * 32
    )

    execution = workbench.wait(workbench.start(name))

    assert execution.status == "Succeeded", execution.reason("Fit")
    client = client_library.MlflowClient(tracking_uri=workbench.engine.mlflow_url)
    experiment = client.get_experiment_by_name("of-a-job")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics == {"rmse": 1.5}
    assert run.data.tags["mlplatform.execution"] == execution.arn.rpartition("/")[2]
    assert run.data.tags["mlplatform.step"] == "Fit"
    job = execution.steps["Fit"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    described = workbench.sagemaker.describe_processing_job(ProcessingJobName=job)["Environment"]
    assert described["MLFLOW_TRACKING_URI"] == CONFIG.resource_arn
    assert json.loads(described["MLFLOW_RUN_CONTEXT"])["mlplatform.step"] == "Fit"
