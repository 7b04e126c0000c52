"""Pipelines in SDK 2: imported offline as they are, and run by the SDK's own calls against the embedded AWS."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingOutput, ScriptProcessor
from sagemaker.sklearn import SKLearn
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.parameters import ParameterFloat
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

from mlplatform import MlProject, SageMakerPipeline, offline_session
from tests.conformance.online_sdk_2 import IMAGE, MACHINE, REGION, ROLE, OnlineSdk2

TRAIN = """
    import argparse, os
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int)
    depth = parser.parse_args().depth
    open(os.path.join(os.environ["SM_MODEL_DIR"], "depth"), "w").write(str(depth))
"""
EVALUATE = """
    import json, pathlib
    report = {"score": 0.75}
    pathlib.Path("/opt/ml/processing/evaluation/evaluation.json").write_text(json.dumps(report))
"""


def team_pipeline(session: Any, role: str, data: str, directory: Path, name: str) -> Pipeline:
    """Train, evaluate, and fail if the score is low: SDK 2's best known example, without the registry."""
    (directory / "code").mkdir(exist_ok=True)
    (directory / "code" / "train.py").write_text(textwrap.dedent(TRAIN))
    (directory / "evaluate.py").write_text(textwrap.dedent(EVALUATE))
    bound = ParameterFloat("Bound", default_value=0.5)
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(directory / "code"),
        image_uri=IMAGE,
        framework_version="1.2-1",
        role=role,
        hyperparameters={"depth": 3},
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=session,
        **MACHINE,
    )
    train = TrainingStep("Train", step_args=estimator.fit({"train": TrainingInput(data)}))
    processor = ScriptProcessor(image_uri=IMAGE, command=["python3"], role=role, sagemaker_session=session, **MACHINE)
    evaluate = ProcessingStep(
        "Evaluate",
        step_args=processor.run(
            code=str(directory / "evaluate.py"),
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[PropertyFile("Evaluation", "evaluation", "evaluation.json")],
        depends_on=[train],
    )
    score = JsonGet(step_name="Evaluate", property_file="Evaluation", json_path="score")
    check = ConditionStep(
        "Check",
        conditions=[ConditionGreaterThanOrEqualTo(score, bound)],
        if_steps=[],
        else_steps=[FailStep("TooLow", error_message="the score is low")],
    )
    return Pipeline(name, parameters=[bound], steps=[train, evaluate, check], sagemaker_session=session)


@pytest.mark.parametrize(("bound", "status"), [(0.5, "Succeeded"), (0.9, "Failed")])
def test_a_pipeline_of_sdk_2_runs(engine: dict[str, str], tmp_path: Path, bound: float, status: str) -> None:
    online = OnlineSdk2.create(str(tmp_path))
    data = online.put("data/x.csv", "x\n1\n").removesuffix("/x.csv")
    pipeline = team_pipeline(online.session, ROLE, data, tmp_path, online.name)
    pipeline.create(role_arn=ROLE)

    finished = online.finish(pipeline.start(parameters={"Bound": bound}))

    assert finished.status == status, finished.reasons
    assert ("TooLow" in finished.steps) == (status == "Failed")


def test_a_pipeline_of_sdk_2_is_imported_offline_and_the_same_twice(tmp_path: Path) -> None:
    def template(directory: Path) -> dict[str, Any]:
        app = App(outdir=str(directory / "out"), analytics_reporting=False)
        stack = Stack(app, "stack", env=Environment(account="123456789012", region=REGION))
        project = MlProject(stack, "Project", name="churn", owner="churn@example.com")
        session = offline_session(project)
        data = f"s3://{session.data_bucket}/data/"
        pipeline = team_pipeline(session, session.job_role_arn, data, directory, "churn")
        SageMakerPipeline(project, "Churn", project=project, pipeline=pipeline)
        app.synth()
        made: dict[str, Any] = json.loads((directory / "out" / "stack.template.json").read_text())
        return made

    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    body = template(first)

    assert body == template(second)
    assert json.dumps(body).count("/imported/churn/") >= 2
