"""A training pipeline that tunes on spot capacity: the best of its training jobs is evaluated and registered."""

from __future__ import annotations

import inspect
from pathlib import Path

from mlpipelines import ContinuousRange
from mlplatform import Metric, SourceDirectory, TrainingPipeline, TrainingResources, Tuning
from tests.local.deployed_project import deploy
from tests.local.workbench import Workbench

PIPELINE = "curve-training"
SCRIPTS = {
    "validate.py": "",
    "features.py": """
        import sys, pathlib
        for directory in (sys.argv[4], sys.argv[6]):
            pathlib.Path(directory, "data.csv").write_text("1")
    """,
    "train.py": """
        import argparse, os, pathlib
        parser = argparse.ArgumentParser()
        parser.add_argument("--rate", type=float)
        x = parser.parse_args().rate
        print(f"validation:rmse={(x - 3) ** 2}", flush=True)
        pathlib.Path(os.environ["SM_MODEL_DIR"], "x").write_text(str(x))
    """,
    "evaluate.py": """
        import sys, json, pathlib, tarfile
        with tarfile.open(pathlib.Path(sys.argv[2], "model.tar.gz")) as archive:
            x = float(archive.extractfile("x").read())
        report = {"regression_metrics": {"rmse": {"value": (x - 3) ** 2}}}
        pathlib.Path(sys.argv[4], "evaluation.json").write_text(json.dumps(report))
    """,
}


def test_the_best_of_the_tuned_models_is_registered(workbench: Workbench, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for name, script in SCRIPTS.items():
        (jobs / name).write_text(inspect.cleandoc(script) + "\n")
    tuning = Tuning(
        objective="validation:rmse",
        ranges=[ContinuousRange(name="rate", minimum=0, maximum=10)],
        max_jobs=4,
        strategy="Random",
        random_seed=7,
    )
    project = deploy(
        workbench,
        tmp_path / "cdk.out",
        "curve",
        lambda project: TrainingPipeline(
            project,
            "Training",
            source=SourceDirectory(jobs),
            input_prefix="raw/",
            tuning=tuning,
            training=TrainingResources(spot=True, max_runtime_minutes=10),
            register_when=Metric("rmse").below(50),
        ),
    )
    project.put("raw/data.csv", "1")

    execution = workbench.wait(workbench.start(PIPELINE))

    assert execution.status == "Succeeded", {name: step.get("FailureReason") for name, step in execution.steps.items()}
    sagemaker = workbench.sagemaker
    name = execution.steps["Tune"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    jobs_by_value = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending"
    )["TrainingJobSummaries"]
    values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs_by_value]
    best = sagemaker.describe_training_job(TrainingJobName=jobs_by_value[0]["TrainingJobName"])
    version = sagemaker.describe_model_package(
        ModelPackageName=execution.steps["RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    )
    (container,) = version["InferenceSpecification"]["Containers"]
    assert len(values) == 4
    assert values[0] == min(values) < max(values)
    assert best["EnableManagedSpotTraining"] is True
    assert container["ModelDataUrl"] == best["ModelArtifacts"]["S3ModelArtifacts"]
    assert version["CustomerMetadataProperties"]["comparison"].startswith("rmse ")
