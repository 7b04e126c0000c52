"""Pipelines in the style of the SDK's documentation, run by the SDK's own calls against the embedded AWS."""

from __future__ import annotations

import io
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.shapes import MetricDefinition
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.conditions import ConditionEquals, ConditionGreaterThanOrEqualTo, ConditionIn, ConditionNot
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import (
    ConditionStep,
    FailStep,
    LambdaOutput,
    LambdaStep,
    ModelStep,
    ProcessingStep,
    TrainingStep,
    TransformStep,
)
from sagemaker.train.configs import InputData

from tests.conformance.online import ROLE, Online
from tests.conformance.scripts import SERVE
from tests.conformance.sdk import MACHINE, processing_input, processing_output, shell

TRAIN = """
    import argparse, json, os, pathlib
    import pandas
    from sklearn.linear_model import LinearRegression
    import joblib
    channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
    data = pandas.concat(pandas.read_csv(path) for path in sorted(channel.glob("*.csv")))
    model = LinearRegression(fit_intercept=json.loads(os.environ["SM_HPS"])["intercept"]).fit(data[["x"]], data["y"])
    print(f"train:score={model.score(data[['x']], data['y'])}")
    joblib.dump(model, pathlib.Path(os.environ["SM_MODEL_DIR"], "model.joblib"))
"""
EVALUATE = """
    import json, pathlib, tarfile
    import joblib, pandas
    root = pathlib.Path("/opt/ml/processing")
    with tarfile.open(root / "model/model.tar.gz") as archive:
        archive.extractall("model", filter="data")
    data = pandas.read_csv(root / "test/data.csv")
    score = joblib.load("model/model.joblib").score(data[["x"]], data["y"])
    (root / "evaluation/evaluation.json").write_text(json.dumps({"metrics": {"score": {"value": score}}}))
"""
LAMBDA = """
    def handler(event, context):
        return {"statusCode": 200, "twice": event["n"] * 2, "greeting": f"hello {event['who']}"}
"""


def train_and_evaluate(online: Online, directory: Path) -> tuple[TrainingStep, ProcessingStep]:
    """The first half of the SDK's best known example."""
    data = online.put("data/data.csv", "x,y\n" + "".join(f"{x},{3 * x + 1}\n" for x in range(20)))
    folder = data.removesuffix("/data.csv")
    trainer = online.trainer(directory / "code", TRAIN, hyperparameters={"intercept": True})
    trainer = trainer.with_metric_definitions([MetricDefinition(name="train:score", regex="train:score=([0-9.]+)")])
    train = TrainingStep(
        "Train", step_args=trainer.train(input_data_config=[InputData(channel_name="train", data_source=folder)])
    )
    (directory / "evaluate.py").write_text(textwrap.dedent(EVALUATE))
    arguments = online.script_processor().run(
        code=str(directory / "evaluate.py"),
        inputs=[
            processing_input("model", train.properties.ModelArtifacts.S3ModelArtifacts, "/opt/ml/processing/model"),
            processing_input("test", folder, "/opt/ml/processing/test"),
        ],
        outputs=[processing_output("evaluation", "/opt/ml/processing/evaluation", online.uri("evaluation"))],
    )
    evaluate = ProcessingStep(
        "Evaluate",
        step_args=arguments,
        property_files=[PropertyFile("Evaluation", "evaluation", "evaluation.json")],
    )
    return train, evaluate


@pytest.mark.parametrize(("bound", "registers"), [(0.9, True), (1.1, False)])
def test_train_evaluate_condition_register(online: Online, tmp_path: Path, bound: float, registers: bool) -> None:
    train, evaluate = train_and_evaluate(online, tmp_path)
    register = online.model(train.properties.ModelArtifacts.S3ModelArtifacts).register(
        model_package_group_name=online.name,
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        approval_status="PendingManualApproval",
    )
    score = JsonGet(step_name="Evaluate", property_file="Evaluation", json_path="metrics.score.value")
    check = ConditionStep(
        "CheckScore",
        conditions=[ConditionGreaterThanOrEqualTo(score, ParameterFloat("Bound", default_value=0.5))],
        if_steps=[ModelStep("Register", step_args=register)],
        else_steps=[FailStep("ScoreTooLow", error_message=Join(on=" ", values=["the score is", score]))],
    )
    online.sagemaker.create_model_package_group(ModelPackageGroupName=online.name)

    finished = online.run(
        train, evaluate, check, parameters=[ParameterFloat("Bound", default_value=0.5)], given={"Bound": bound}
    )

    versions = online.sagemaker.list_model_packages(ModelPackageGroupName=online.name)["ModelPackageSummaryList"]
    assert finished.metadata("CheckScore")["Outcome"] == str(registers)
    assert len(versions) == int(registers)
    if registers:
        (register_step,) = (name for name in finished.steps if name.startswith("Register"))
        assert finished.metadata(register_step)["Arn"] == versions[0]["ModelPackageArn"]
    else:
        assert finished.status == "Failed"
        assert finished.steps["ScoreTooLow"]["FailureReason"].startswith("the score is 1")
    job = online.sagemaker.describe_training_job(TrainingJobName=finished.metadata("Train")["Arn"].split("/")[-1])
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(1)


def test_batch_transform_with_a_model_made_in_the_pipeline(online: Online) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        code = textwrap.dedent(SERVE).encode()
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(code)
        archive.addfile(entry, io.BytesIO(code))
    data = online.put("model/model.tar.gz", buffer.getvalue())
    serving = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    model = ModelStep("CreateModel", step_args=online.model(data, env_vars=serving).build())
    transformer = Transformer(
        model_name=model.properties.ModelName,
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=online.uri("predictions"),
        sagemaker_session=online.session,
        **MACHINE,
    )
    source = ParameterString("Source", default_value=online.put("input/data.csv", "1\n2\n3.5\n"))
    transform = TransformStep(
        "Predict", step_args=transformer.transform(data=source, content_type="text/csv", split_type="Line")
    )

    finished = online.run(model, transform, parameters=[source])

    assert finished.status == "Succeeded", finished.reasons
    assert online.get(online.uri("predictions/data.csv.out")).split() == ["2.0", "4.0", "7.0"]


def test_a_lambda_step_makes_its_function_and_its_outputs_reach_the_next_step(online: Online, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(textwrap.dedent(LAMBDA))
    function = Lambda(
        function_name=online.name,
        execution_role_arn=ROLE,
        script=str(tmp_path / "hello.py"),
        handler="hello.handler",
        runtime="python3.12",
        session=online.session,
    )
    hello = LambdaStep(
        "Hello",
        lambda_func=function,
        inputs={"n": 21, "who": ParameterString("Who", default_value="world")},
        outputs=[LambdaOutput("twice"), LambdaOutput("greeting")],
    )
    output = processing_output("said", "/opt/ml/processing/output", online.uri("said"))
    processor = shell(
        online.session,
        ROLE,
        'echo "$GREETING $TWICE" > /opt/ml/processing/output/said',
        env={"GREETING": hello.properties.Outputs["greeting"], "TWICE": hello.properties.Outputs["twice"]},
    )
    say = ProcessingStep("Say", step_args=processor.run(outputs=[output]))

    finished = online.run(hello, say, parameters=[ParameterString("Who", default_value="world")])

    assert finished.status == "Succeeded", finished.reasons
    assert online.get(online.uri("said/said")) == "hello world 42\n"


@pytest.mark.parametrize(
    ("color", "size", "expected"),
    [("red", 1, {"Red"}), ("blue", 5, {"Inner", "Big"}), ("blue", 1, {"Inner", "Small"})],
)
def test_nested_conditions_run_one_leaf(online: Online, color: str, size: int, expected: set[str]) -> None:
    a_color = ParameterString("Color", default_value="red", enum_values=["red", "blue"])
    a_size = ParameterInteger("Size", default_value=1)
    inner = ConditionStep(
        "Inner",
        conditions=[ConditionNot(ConditionIn(a_size, [1, 2, 3]))],
        if_steps=[online.say("Big")],
        else_steps=[online.say("Small")],
    )
    outer = ConditionStep(
        "Outer", conditions=[ConditionEquals(a_color, "red")], if_steps=[online.say("Red")], else_steps=[inner]
    )

    finished = online.run(outer, parameters=[a_color, a_size], given={"Color": color, "Size": size})

    assert finished.status == "Succeeded", finished.reasons
    ran = {name for name, step in finished.steps.items() if step["StepStatus"] == "Succeeded"}
    assert ran - {"Outer"} == expected


def test_execution_variables_and_parameters_reach_a_job(online: Online) -> None:
    times = ParameterInteger("Times", default_value=2)
    where = Join(on="/", values=[online.uri("runs"), ExecutionVariables.PIPELINE_EXECUTION_ID])
    processor = shell(online.session, ROLE, 'echo "$0" > /opt/ml/processing/output/times')
    processor.entrypoint = ["sh", "-c", 'echo "$1" > /opt/ml/processing/output/times', "say"]
    arguments = processor.run(
        outputs=[processing_output("o", "/opt/ml/processing/output", where)], arguments=[times.to_string()]
    )

    finished = online.run(ProcessingStep("Say", step_args=arguments), parameters=[times], given={"Times": 7})

    run_id = finished.execution.arn.split("/")[-1]
    assert online.get(online.uri(f"runs/{run_id}/times")) == "7\n"
    listed = finished.execution.list_parameters()["PipelineParameters"]
    assert listed == [{"Name": "Times", "Value": "7"}]


def test_a_pipeline_is_described_listed_updated_and_deleted(online: Online) -> None:
    first = online.pipeline(online.say("Say"))
    online.pipeline(online.say("SayMore"))  # upsert: the same name, another definition

    finished = online.finish(first.start(execution_display_name="second"))

    assert list(finished.steps) == ["SayMore"]
    assert first.describe()["PipelineStatus"] == "Active"
    (summary,) = first.list_executions()["PipelineExecutionSummaries"]
    assert (summary["PipelineExecutionDisplayName"], summary["PipelineExecutionStatus"]) == ("second", "Succeeded")
    first.delete()
    with pytest.raises(ClientError) as missing:
        first.describe()
    assert missing.value.response["Error"]["Code"] == "ResourceNotFound"


def test_an_execution_is_stopped(online: Online) -> None:
    execution = online.pipeline(online.say("Sleep", "sleep 60")).start()

    execution.stop()

    online_status = _wait_for_end(execution)
    assert online_status == "Stopped"


def test_the_sdk_sees_why_a_step_failed(online: Online) -> None:
    finished = online.run(online.say("Break", "echo broken > /opt/ml/output/message; exit 3"))

    assert finished.status == "Failed"
    assert "broken" in finished.steps["Break"]["FailureReason"]


def _wait_for_end(execution: Any) -> str:
    import time

    for _ in range(120):
        status: str = execution.describe()["PipelineExecutionStatus"]
        if status not in ("Executing", "Stopping"):
            return status
        time.sleep(0.25)
    return "no end"
