"""A training pipeline with all its checks: the first execution makes the baselines, later ones are compared with them."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from mlplatform import (
    BiasCheck,
    DataQualityCheck,
    ExplainabilityCheck,
    Facet,
    Metric,
    MlProject,
    ModelAnswers,
    SourceDirectory,
    TrainingChecks,
    TrainingPipeline,
)
from tests.local.deployed_project import DeployedProject, deploy
from tests.local.workbench import Execution, Workbench

PIPELINE = "hiring-training"
CHECKS = TrainingChecks(
    label="hired",
    excluded_columns=("id",),
    answers=ModelAnswers(probability_threshold=0.5),
    data_quality=DataQualityCheck(),
    bias=BiasCheck(label_values_or_threshold=(1,), facets=(Facet(name="remote", values_or_threshold=(1,)),)),
    explainability=ExplainabilityCheck(num_samples=20),
)
SCRIPTS = {
    "validate.py": "",
    "features.py": """
        import sys, pandas, pathlib
        _, _, given, _, train, _, test = sys.argv
        table = pandas.concat(map(pandas.read_csv, sorted(pathlib.Path(given).glob("*.csv"))))
        table[::2].to_csv(pathlib.Path(train, "train.csv"), index=False)
        table[1::2].to_csv(pathlib.Path(test, "test.csv"), index=False)
    """,
    "train.py": """
        import os, pathlib, shutil, pandas
        table = pandas.read_csv(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv"))
        model = pathlib.Path(os.environ["SM_MODEL_DIR"])
        (model / "bound").write_text(str(table[table.hired == 1].points.min()))
        (model / "code").mkdir()
        shutil.copy("inference.py", model / "code")
    """,
    "inference.py": """
        import pathlib
        def model_fn(directory):
            return float(pathlib.Path(directory, "bound").read_text())
        def input_fn(body, content_type):
            return [[float(field) for field in line.split(",")] for line in body.splitlines()]
        def predict_fn(rows, bound):
            return [0.75 if points >= bound else 0.25 for remote, points in rows]
        def output_fn(scores, accept):
            return "\\n".join(map(str, scores)), accept
    """,
    "evaluate.py": """
        import sys, json, pathlib
        report = {"binary_classification_metrics": {"accuracy": {"value": 1.0}}}
        pathlib.Path(sys.argv[4], "evaluation.json").write_text(json.dumps(report))
    """,
}


def applicants(points: int) -> str:
    """A hundred and sixty of them, of whom those with enough points are hired."""
    rows = [(number, number // 2 % 2, points + number % 20, int(number % 20 >= 10)) for number in range(160)]
    return "id,remote,points,hired\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows)


@pytest.fixture
def hiring(workbench: Workbench, tmp_path: Path) -> DeployedProject:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for name, text in SCRIPTS.items():
        (jobs / name).write_text(inspect.cleandoc(text) + "\n")

    def define(project: MlProject) -> None:
        TrainingPipeline(
            project,
            "Training",
            source=SourceDirectory(jobs),
            input_prefix="applicants/",
            register_when=Metric("accuracy", group="binary_classification_metrics").at_least(0.5),
            checks=CHECKS,
        )

    return deploy(workbench, tmp_path / "cdk.out", "hiring", define)


def test_the_first_execution_makes_baselines_and_drifted_data_then_fails_the_quality_check(
    workbench: Workbench, hiring: DeployedProject
) -> None:
    hiring.put("applicants/1.csv", applicants(points=0))
    drifted = hiring.put("drifted/1.csv", applicants(points=100)).removesuffix("1.csv")

    first = workbench.wait(workbench.start(PIPELINE))
    assert first.status == "Succeeded", reasons(first)
    version = approve(workbench, first)
    same, other = workbench.start(PIPELINE), workbench.start(PIPELINE, InputUri=drifted)
    again, moved = workbench.wait(same), workbench.wait(other)
    accepted = workbench.wait(workbench.start(PIPELINE, InputUri=drifted, SkipChecks="true"))

    assert prepared(first) == dict.fromkeys(KINDS, "True")
    assert again.status == "Succeeded", reasons(again)
    assert prepared(again) == dict.fromkeys(KINDS, "False")
    assert set(moved.steps) == {"PrepareChecks", "ValidateData", "CheckDataQuality"}
    assert (
        "DATA_QUALITY check failed with 1 violations of the baseline constraints; the first: points: baseline_drift_check: "
        "Baseline drift distance"
    ) in moved.reason("CheckDataQuality")
    assert accepted.status == "Succeeded", reasons(accepted)
    shap = json.loads(read(workbench, version["ModelMetrics"]["Explainability"]["Report"]["S3Uri"]))
    values = shap["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert values["remote"] == pytest.approx(0)
    assert values["points"] > 0.2
    assert version["DriftCheckBaselines"]["Bias"].keys() == {"PreTrainingConstraints", "PostTrainingConstraints"}


KINDS = ("skip_data_quality", "skip_data_bias", "skip_model_bias", "skip_explainability")


def reasons(execution: Execution) -> list[str]:
    return [step["FailureReason"] for step in execution.steps.values() if "FailureReason" in step]


def prepared(execution: Execution) -> dict[str, str]:
    outputs = execution.steps["PrepareChecks"]["Metadata"]["Lambda"]["OutputParameters"]
    return {output["Name"]: output["Value"] for output in outputs}


def approve(workbench: Workbench, execution: Execution) -> dict[str, Any]:
    """Approve the version that the execution registered; its description."""
    arn = execution.steps["RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    workbench.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    description: dict[str, Any] = workbench.sagemaker.describe_model_package(ModelPackageName=arn)
    return description


def read(workbench: Workbench, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = workbench.engine.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.decode()
