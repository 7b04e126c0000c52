"""Steps of SDK 2 that tune a model and that ask one: written with its own classes, run by its own calls on the embedded AWS."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError
from sagemaker.clarify import BiasConfig, DataConfig, ModelConfig, ModelPredictedLabelConfig, SHAPConfig
from sagemaker.sklearn import SKLearn
from sagemaker.tuner import CategoricalParameter, HyperparameterTuner
from sagemaker.workflow.check_job_config import CheckJobConfig
from sagemaker.workflow.clarify_check_step import (
    ClarifyCheckStep,
    ModelBiasCheckConfig,
    ModelExplainabilityCheckConfig,
)
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import TuningStep

ROLE = "arn:aws:iam::123456789012:role/job"
REGION = "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
MACHINE = {"instance_count": 1, "instance_type": "ml.m5.large"}
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
TRAIN = """
    import argparse, time
    parser = argparse.ArgumentParser()
    parser.add_argument("--level")
    level = parser.parse_args().level
    for epoch in range(3 if level == "high" else 600):
        print("score=" + {"high": "3", "low": "1"}[level] + ";")
        time.sleep(0 if level == "high" else 0.1)
"""
INFERENCE = """
    def model_fn(directory):
        return None
    def input_fn(body, content_type):
        return [[float(field) for field in line.split(",")] for line in body.splitlines()]
    def predict_fn(rows, model):
        return [row[1] / 8 for row in rows]
    def output_fn(scores, accept):
        return "\\n".join(str(score) for score in scores), accept
"""


@pytest.fixture
def session(engine: dict[str, str], tmp_path: Path) -> PipelineSession:
    """A session of SDK 2 at the engine, with a bucket of its own."""
    name = f"sdk2-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    boto_session = boto3.Session(region_name=REGION)
    boto_session.client("s3").create_bucket(Bucket=name)
    return PipelineSession(boto_session=boto_session, default_bucket=name, sagemaker_config=NO_TELEMETRY)


def run(session: PipelineSession, *steps: Any, **parameters: str) -> dict[str, Any]:
    """The steps of an execution that has ended."""
    given = [ParameterString(name) for name in parameters]
    pipeline = Pipeline(session.default_bucket(), parameters=given, steps=list(steps), sagemaker_session=session)
    pipeline.create(role_arn=ROLE)
    execution = pipeline.start(parameters=parameters)
    with suppress(WaiterError):  # it failed
        execution.wait(delay=0.2, max_attempts=1500)
    return {step["StepName"]: step for step in execution.list_steps()}


def test_a_tuner_stops_training_jobs_early(session: PipelineSession, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN))
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(tmp_path),
        image_uri=IMAGE,
        framework_version="1.2-1",
        role=ROLE,
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=session,
        **MACHINE,
    )
    tuner = HyperparameterTuner(
        estimator,
        "score",
        {"level": CategoricalParameter(["high", "low"])},
        metric_definitions=[{"Name": "score", "Regex": "score=([0-9]+);"}],
        strategy="Grid",
        max_jobs=2,
        max_parallel_jobs=1,
        early_stopping_type="Auto",
    )
    session.boto_session.client("s3").put_object(Bucket=session.default_bucket(), Key="data/x.csv", Body=b"x\n1\n")

    steps = run(session, TuningStep("Tune", step_args=tuner.fit({"train": f"s3://{session.default_bucket()}/data"})))

    assert steps["Tune"]["StepStatus"] == "Succeeded", steps
    name = steps["Tune"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    job = session.sagemaker_client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"level": '"high"'}  # The SDK writes values as JSON.


def test_checks_of_a_models_bias_and_explanation_run(session: PipelineSession) -> None:
    """The model's name is known when the pipeline starts, and its step gives it: it is in no analysis configuration."""
    bucket = session.default_bucket()
    s3 = session.boto_session.client("s3")
    rows = "".join(f"{group},{points},{int(points >= 4)}\n" for group in (0, 1) for points in range(8))
    s3.put_object(Bucket=bucket, Key="data/rows.csv", Body=rows.encode())
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=archive("code/inference.py", textwrap.dedent(INFERENCE)))
    session.sagemaker_client.create_model(
        ModelName=bucket,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{bucket}/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    )

    def data(name: str) -> DataConfig:
        return DataConfig(
            s3_data_input_path=f"s3://{bucket}/data",
            s3_output_path=f"s3://{bucket}/{name}",
            label="label",
            headers=["group", "points", "label"],
            dataset_type="text/csv",
        )

    model = ModelConfig(model_name=ParameterString("Model"), **MACHINE)
    bias = ModelBiasCheckConfig(
        data_config=data("bias"),
        data_bias_config=BiasConfig(label_values_or_threshold=[1], facet_name="group", facet_values_or_threshold=[1]),
        model_config=model,
        model_predicted_label_config=ModelPredictedLabelConfig(probability_threshold=0.7),
    )
    explanation = ModelExplainabilityCheckConfig(
        data_config=data("explanation"), model_config=model, explainability_config=SHAPConfig(baseline=[[0, 0]])
    )
    first = {"skip_check": True, "register_new_baseline": True}
    checks = [
        ClarifyCheckStep(name, config, CheckJobConfig(ROLE, sagemaker_session=session, **MACHINE), **first)
        for name, config in (("Bias", bias), ("Explanation", explanation))
    ]

    steps = run(session, *checks, Model=bucket)

    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(steps, "Succeeded"), steps
    read = {
        name: json.loads(s3.get_object(Bucket=bucket, Key=f"{name}/analysis.json")["Body"].read())
        for name in ("bias", "explanation")
    }
    (group,) = read["bias"]["post_training_bias_metrics"]["facets"]["group"]
    values = {metric["name"]: metric["value"] for metric in group["metrics"]}
    # Both groups alike: of 8, the 2 with 6 and 7 points are above 0.7.
    assert (values["DPPL"], values["DI"], values["AD"]) == (0.0, 1.0, 0.0)
    shap = read["explanation"]["explanations"]["kernel_shap"]["label0"]
    assert shap["global_shap_values"] == pytest.approx({"group": 0.0, "points": 3.5 / 8})


def archive(name: str, content: str) -> bytes:
    """A tar.gz of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as target:
        entry = tarfile.TarInfo(name)
        entry.size = len(content.encode())
        target.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()
