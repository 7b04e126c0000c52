"""Pipelines in the style of SDK 2's documentation, run by the SDK's own calls against the embedded AWS."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model import Model
from sagemaker.model_monitor import DatasetFormat
from sagemaker.parameter import ContinuousParameter
from sagemaker.processing import ProcessingOutput
from sagemaker.sklearn import SKLearn
from sagemaker.transformer import Transformer
from sagemaker.tuner import HyperparameterTuner
from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.workflow.check_job_config import CheckJobConfig
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionEquals, ConditionGreaterThan
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep
from sagemaker.workflow.retry import SageMakerJobExceptionTypeEnum, SageMakerJobStepRetryPolicy
from sagemaker.workflow.selective_execution_config import SelectiveExecutionConfig
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TransformStep, TuningStep

from tests.conformance.online_sdk_2 import IMAGE, MACHINE, ROLE, OnlineSdk2
from tests.conformance.scripts import SERVE

TUNED = """
    import argparse, os
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float)
    rate = parser.parse_args().rate
    print(f"validation:loss={(rate - 0.5) ** 2}")
    open(os.path.join(os.environ["SM_MODEL_DIR"], "rate"), "w").write(str(rate))
"""
LAMBDA = """
    def handler(event, context):
        return {"statusCode": 200, "twice": event["n"] * 2}
"""
ANSWER = "/opt/ml/processing/answer"


@pytest.fixture
def online(engine: dict[str, str], request: pytest.FixtureRequest) -> OnlineSdk2:
    return OnlineSdk2.create(request.node.name)


def say(online: OnlineSdk2, name: str, script: str = "true", **options: Any) -> ProcessingStep:
    """A step that runs a line of shell, and leaves what it says in a file `answer`."""
    output = ProcessingOutput(output_name="answer", source=ANSWER, destination=online.uri(name))
    processor = online.shell(script, env=options.pop("env", None))
    return ProcessingStep(name, step_args=processor.run(outputs=[output]), **options)


def test_a_model_is_created_registered_and_applied_in_a_batch_transform(online: OnlineSdk2) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        code = textwrap.dedent(SERVE).encode()
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(code)
        archive.addfile(entry, io.BytesIO(code))
    model = Model(
        image_uri=IMAGE,
        model_data=online.put("model/model.tar.gz", buffer.getvalue()),
        role=ROLE,
        env={"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        sagemaker_session=online.session,
    )
    create = ModelStep("Create", step_args=model.create(instance_type="ml.m5.large"))
    register = ModelStep(
        "Register",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=online.name,
            approval_status="PendingManualApproval",
        ),
    )
    transformer = Transformer(
        model_name=create.properties.ModelName,
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=online.uri("predictions"),
        sagemaker_session=online.session,
        **MACHINE,
    )
    data = online.put("input/data.csv", "1\n2\n3.5\n")
    predict = TransformStep(
        "Predict", step_args=transformer.transform(data=data, content_type="text/csv", split_type="Line")
    )
    online.client("sagemaker").create_model_package_group(ModelPackageGroupName=online.name)

    finished = online.run(create, register, predict)

    assert finished.status == "Succeeded", finished.reasons
    assert online.get("predictions/data.csv.out").split() == ["2.0", "4.0", "7.0"]
    group = {"ModelPackageGroupName": online.name}
    assert len(online.client("sagemaker").list_model_packages(**group)["ModelPackageSummaryList"]) == 1


def test_a_tuning_job_finds_the_best_rate(online: OnlineSdk2, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(textwrap.dedent(TUNED))
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(tmp_path),
        image_uri=IMAGE,
        framework_version="1.2-1",
        role=ROLE,
        disable_profiler=True,
        sagemaker_session=online.session,
        output_path=online.uri("models"),
        **MACHINE,
    )
    tuner = HyperparameterTuner(
        estimator,
        "validation:loss",
        {"rate": ContinuousParameter(0.1, 0.9)},
        metric_definitions=[{"Name": "validation:loss", "Regex": "validation:loss=([0-9.e-]+)"}],
        strategy="Random",
        objective_type="Minimize",
        max_jobs=2,
    )
    data = TrainingInput(online.put("data/data.csv", "x\n1\n").removesuffix("/data.csv"))
    tune = TuningStep("Tune", step_args=tuner.fit({"train": data}))
    best = tune.get_top_model_s3_uri(0, s3_bucket=online.name, prefix="models")

    finished = online.run(tune, say(online, "Say", f"echo $BEST > {ANSWER}/answer", env={"BEST": best}))

    assert finished.status == "Succeeded", finished.reasons
    name = finished.made("Tune")["Arn"].split("/")[-1]
    job = online.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["BestTrainingJob"]["TrainingJobName"] in online.get("Say/answer")


def test_a_data_quality_check_makes_a_baseline(online: OnlineSdk2) -> None:
    dataset = online.put("baseline/data.csv", "age,income\n" + "".join(f"{20 + n},{1000 * n}\n" for n in range(40)))
    check = QualityCheckStep(
        "DataQuality",
        quality_check_config=DataQualityCheckConfig(
            baseline_dataset=dataset,
            dataset_format=DatasetFormat.csv(header=True),
            output_s3_uri=online.uri("quality"),
        ),
        check_job_config=CheckJobConfig(role=ROLE, sagemaker_session=online.session, **MACHINE),
        skip_check=True,
        register_new_baseline=True,
    )

    finished = online.run(check)

    assert finished.status == "Succeeded", finished.reasons
    key = finished.made("DataQuality")["CalculatedBaselineStatistics"].removeprefix(f"s3://{online.name}/")
    assert {feature["name"] for feature in json.loads(online.get(key))["features"]} == {"age", "income"}


def test_a_callback_and_a_function_answer(online: OnlineSdk2, tmp_path: Path) -> None:
    (tmp_path / "double.py").write_text(textwrap.dedent(LAMBDA))
    function = Lambda(
        function_name=online.name,
        execution_role_arn=ROLE,
        script=str(tmp_path / "double.py"),
        handler="double.handler",
        runtime="python3.12",
        session=online.session,
    )
    double = LambdaStep(
        "Double",
        lambda_func=function,
        inputs={"n": 21},
        outputs=[LambdaOutput("twice", LambdaOutputTypeEnum.Integer)],
    )
    queue = online.client("sqs").create_queue(QueueName=online.name)["QueueUrl"]
    ask = CallbackStep(
        "Ask",
        sqs_queue_url=queue,
        inputs={"number": double.properties.Outputs["twice"]},
        outputs=[CallbackOutput("answer", CallbackOutputTypeEnum.String)],
    )
    answer = {"ANSWER": ask.properties.Outputs["answer"]}
    execution = online.pipeline(double, ask, say(online, "Say", f"echo $ANSWER > {ANSWER}/answer", env=answer)).start()

    message = _message(online, queue)
    online.client("sagemaker").send_pipeline_execution_step_success(
        CallbackToken=message["token"],
        OutputParameters=[{"Name": "answer", "Value": f"got {message['arguments']['number']}"}],
    )
    finished = online.finish(execution)

    assert finished.status == "Succeeded", finished.reasons
    assert online.get("Say/answer") == "got 42\n"


@pytest.mark.parametrize(("color", "size", "expected"), [("red", 1, {"Red"}), ("blue", 5, {"Inner", "Big"})])
def test_nested_conditions_run_one_leaf(online: OnlineSdk2, color: str, size: int, expected: set[str]) -> None:
    a_color, a_size = ParameterString("Color", enum_values=["red", "blue"]), ParameterInteger("Size", default_value=1)
    inner = ConditionStep(
        "Inner",
        conditions=[ConditionGreaterThan(a_size, 3)],
        if_steps=[say(online, "Big")],
        else_steps=[say(online, "Small")],
    )
    outer = ConditionStep(
        "Outer", conditions=[ConditionEquals(a_color, "red")], if_steps=[say(online, "Red")], else_steps=[inner]
    )

    finished = online.run(outer, parameters=[a_color, a_size], given={"Color": color, "Size": size})

    assert finished.status == "Succeeded", finished.reasons
    ran = {name for name, step in finished.steps.items() if step["StepStatus"] == "Succeeded"}
    assert ran - {"Outer"} == expected


def test_a_cached_step_with_retries_is_reused_and_a_selected_one_runs_alone(online: OnlineSdk2) -> None:
    retries = SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR], max_attempts=3, interval_seconds=1
    )
    cache = CacheConfig(enable_caching=True, expire_after="PT1H")
    first = say(online, "First", f"date +%s%N > {ANSWER}/answer", cache_config=cache, retry_policies=[retries])
    uri = first.properties.ProcessingOutputConfig.Outputs["answer"].S3Output.S3Uri
    pipeline = online.pipeline(first, say(online, "Second", "test -n $URI", env={"URI": uri}))

    whole = online.finish(pipeline.start())
    again = online.finish(pipeline.start())
    selected = SelectiveExecutionConfig(selected_steps=["Second"], source_pipeline_execution_arn=whole.execution.arn)
    part = online.finish(pipeline.start(selective_execution_config=selected))

    assert [one.status for one in (whole, again, part)] == ["Succeeded"] * 3, (
        whole.reasons,
        again.reasons,
        part.reasons,
    )
    assert again.steps["First"]["CacheHitResult"]["SourcePipelineExecutionArn"] == whole.execution.arn
    ran = {name for name, described in part.steps.items() if "SelectiveExecutionResult" not in described}
    assert ran == {"Second"}


def _message(online: OnlineSdk2, queue: str) -> dict[str, Any]:
    for _ in range(60):
        answer = online.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        if answer.get("Messages"):
            message: dict[str, Any] = json.loads(answer["Messages"][0]["Body"])
            return message
    raise TimeoutError(f"no message came to {queue}")
