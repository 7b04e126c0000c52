"""Images of jobs on a running engine: a team's own, and AWS's with a script of the team."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mllocal
from mllocal.images import REGISTRATIONS_VARIABLE, register
from tests.local.workbench import ROLE, Workbench

TEAM_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/forecast:1"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SCIKIT_LEARN_1_2 = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
LOCK = "six==1.17.0 \\\n    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n"
TRAIN_XGBOOST = """
import argparse, os, shutil
import numpy, xgboost
parser = argparse.ArgumentParser()
parser.add_argument("--num_round", type=int)
given = parser.parse_args()
data = numpy.arange(40, dtype=float).reshape(20, 2)
booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(data, label=data.sum(axis=1)), given.num_round)
booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "model.ubj"))
os.makedirs(os.path.join(os.environ["SM_MODEL_DIR"], "code"))
shutil.copy("inference.py", os.path.join(os.environ["SM_MODEL_DIR"], "code"))
print("version", xgboost.__version__)
"""
SERVE_XGBOOST = """
import os, xgboost
def model_fn(directory):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(directory, "model.ubj"))
    return booster
"""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of a team with an image of its own, registered in the `images.toml` of that directory."""
    directory = tmp_path_factory.mktemp("team")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REGISTRATIONS_VARIABLE, str(directory / "images.toml"))
        yield directory


@pytest.fixture(scope="module")
def engine(team: Path) -> Iterator[mllocal.Engine]:
    """An engine that knows the team's images."""
    try:
        yield mllocal.up(team)
    finally:
        mllocal.down(team)


def processing(workbench: Workbench, name: str, image: str, **application: Any) -> dict[str, Any]:
    """Run a processing job to its end."""
    workbench.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        },
        AppSpecification={"ImageUri": image, **application},
    )
    return workbench.wait_for_job("processing", name)


def test_an_unknown_image_fails_its_job_with_the_line_that_registers_it(workbench: Workbench) -> None:
    job = processing(workbench, "unknown", "1.dkr.ecr.us-east-1.amazonaws.com/team/new:3", ContainerEntrypoint=["true"])

    assert "mlp images register team/new:3 <directory>" in job["FailureReason"]


def test_a_teams_image_is_known_as_soon_as_it_is_registered_and_runs_its_own_entry_point(
    workbench: Workbench, team: Path
) -> None:
    image = team / "forecast"
    image.mkdir()
    (image / "requirements.txt").write_text(LOCK)
    (image / "entrypoint.py").write_text("import six, sys; print('six', six.__version__, sys.argv[1:])")
    register("team/forecast:1", image, at=team)

    job = processing(workbench, "own-image", TEAM_IMAGE, ContainerArguments=["--fast"])

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    lines = workbench.log_lines("ProcessingJobs", "own-image")
    assert "six 1.17.0 ['--fast']" in lines


def test_an_older_scikit_learn_image_runs_and_its_log_says_what_really_runs(workbench: Workbench) -> None:
    script = "import sklearn; print('scikit-learn', sklearn.__version__)"
    job = processing(workbench, "older", SCIKIT_LEARN_1_2, ContainerEntrypoint=["python3", "-c", script])

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    lines = workbench.log_lines("ProcessingJobs", "older")
    (told,) = [line for line in lines if "here it runs with" in line]
    assert "AWS's image sagemaker-scikit-learn:1.2-1-cpu-py3 has scikit-learn 1.2.1 on Python 3.9" in told
    assert lines[-1] in told


def test_xgboost_trains_in_script_mode_and_its_booster_is_served(workbench: Workbench) -> None:
    source = workbench.put_archive("source.tar.gz", {"train.py": TRAIN_XGBOOST, "inference.py": SERVE_XGBOOST})
    workbench.sagemaker.create_training_job(
        TrainingJobName="xgboost",
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(source),
            "num_round": "20",
        },
        OutputDataConfig={"S3OutputPath": workbench.uri("models")},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = workbench.wait_for_job("training", "xgboost")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")

    model = {"Image": XGBOOST, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    workbench.sagemaker.create_model(ModelName="xgboost", ExecutionRoleArn=ROLE, PrimaryContainer=model)
    workbench.put("in/rows.csv", "0,1\n38,39\n")
    workbench.sagemaker.create_transform_job(
        TransformJobName="xgboost",
        ModelName="xgboost",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": workbench.uri("in/")}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": workbench.uri("out"), "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    transform = workbench.wait_for_job("transform", "xgboost")

    assert transform["TransformJobStatus"] == "Completed", transform.get("FailureReason")
    first, last = (float(line) for line in workbench.get("out/rows.csv.out").split())
    assert first == pytest.approx(1, abs=3)
    assert last == pytest.approx(77, abs=3)
