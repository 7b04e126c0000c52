"""Steps of SDK 2 that tune a model and that ask one: written with its own classes, run by its own calls on the embedded AWS."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from pathlib import Path

import pytest
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
from sagemaker.workflow.steps import TuningStep

from tests.conformance.online_sdk_2 import IMAGE, MACHINE, ROLE, OnlineSdk2

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
def online(engine: dict[str, str], tmp_path: Path) -> OnlineSdk2:
    return OnlineSdk2.create(str(tmp_path))


def test_a_tuner_stops_training_jobs_early(online: OnlineSdk2, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN))
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(tmp_path),
        image_uri=IMAGE,
        framework_version="1.2-1",
        role=ROLE,
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=online.session,
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
    online.put("data/x.csv", "x\n1\n")

    finished = online.run(TuningStep("Tune", step_args=tuner.fit({"train": online.uri("data")})))

    assert finished.status == "Succeeded", finished.reasons
    name = finished.made("Tune")["Arn"].rpartition("/")[2]
    job = online.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"level": '"high"'}  # The SDK writes values as JSON.


def test_checks_of_a_models_bias_and_explanation_run(online: OnlineSdk2) -> None:
    """The model's name is known when the pipeline starts, and its step gives it: it is in no analysis configuration."""
    rows = "".join(f"{group},{points},{int(points >= 4)}\n" for group in (0, 1) for points in range(8))
    online.put("data/rows.csv", rows)
    online.put("model.tar.gz", archive("code/inference.py", textwrap.dedent(INFERENCE)))
    online.client("sagemaker").create_model(
        ModelName=online.name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": online.uri("model.tar.gz"),
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    )

    def data(name: str) -> DataConfig:
        return DataConfig(
            s3_data_input_path=online.uri("data"),
            s3_output_path=online.uri(name),
            label="label",
            headers=["group", "points", "label"],
            dataset_type="text/csv",
        )

    name_of_model = ParameterString("Model")
    model = ModelConfig(model_name=name_of_model, **MACHINE)
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
        ClarifyCheckStep(name, config, CheckJobConfig(ROLE, sagemaker_session=online.session, **MACHINE), **first)
        for name, config in (("Bias", bias), ("Explanation", explanation))
    ]

    finished = online.run(*checks, parameters=[name_of_model], given={"Model": online.name})

    assert finished.status == "Succeeded", finished.reasons
    read = {name: json.loads(online.get(f"{name}/analysis.json")) for name in ("bias", "explanation")}
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
