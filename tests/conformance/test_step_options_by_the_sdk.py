"""What the SDK's steps and executions can be told: caches, retries, callbacks, tuning, checks, functions, selections."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sagemaker.core.model_monitor.dataset_format import DatasetFormat
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.shapes import MetricDefinition
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow import (
    CacheConfig,
    CallbackOutput,
    CallbackStep,
    CheckJobConfig,
    ParallelismConfiguration,
    ProcessingStep,
    QualityCheckStep,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    SelectiveExecutionConfig,
    StepDependency,
    TriggerCondition,
    TuningStep,
)
from sagemaker.mlops.workflow.callback_step import CallbackOutputTypeEnum
from sagemaker.mlops.workflow.function_step import step
from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig
from sagemaker.train.configs import InputData
from sagemaker.train.tuner import HyperparameterTuner

from tests.conformance.online import ROLE, Online
from tests.conformance.sdk import MACHINE, processing_output, shell

FUNCTION_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform-function:sdk-3"
TUNED = """
    import json, os
    rate = float(json.loads(os.environ["SM_HPS"])["rate"])
    print(f"validation:loss={(rate - 0.5) ** 2}")
    open(os.path.join(os.environ["SM_MODEL_DIR"], "rate"), "w").write(str(rate))
"""


def stamp(online: Online, name: str, **options: Any) -> ProcessingStep:
    """A step that writes the time, so that a second run can be told from the first."""
    output = processing_output("stamp", "/opt/ml/processing/output", online.uri(f"stamps/{name}"))
    processor = shell(online.session, ROLE, "date +%s%N > /opt/ml/processing/output/stamp")
    return ProcessingStep(name, step_args=processor.run(outputs=[output]), **options)


def test_a_cached_step_is_not_run_again(online: Online) -> None:
    cache = CacheConfig(enable_caching=True, expire_after="PT1H")
    pipeline = online.pipeline(stamp(online, "Cached", cache_config=cache), stamp(online, "Fresh"))

    first = online.finish(pipeline.start())
    second = online.finish(pipeline.start())

    assert (first.status, second.status) == ("Succeeded", "Succeeded"), second.reasons
    assert second.steps["Cached"]["CacheHitResult"]["SourcePipelineExecutionArn"] == first.execution.arn
    assert second.metadata("Cached")["Arn"] == first.metadata("Cached")["Arn"]
    assert second.metadata("Fresh")["Arn"] != first.metadata("Fresh")["Arn"]


def test_a_retry_policy_is_accepted_and_does_not_retry_a_script_that_fails(online: Online) -> None:
    retries = SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR], max_attempts=3, interval_seconds=1
    )
    finished = online.run(online.say("Break", "exit 1", retry_policies=[retries]))

    assert finished.status == "Failed"
    assert finished.steps["Break"]["AttemptCount"] == 1


def test_a_selected_step_runs_with_what_the_others_left(online: Online) -> None:
    first = stamp(online, "First")
    uri = first.properties.ProcessingOutputConfig.Outputs["stamp"].S3Output.S3Uri
    processor = shell(online.session, ROLE, "test -n $URI", env={"URI": uri})
    pipeline = online.pipeline(first, ProcessingStep("Second", step_args=processor.run()))
    whole = online.finish(pipeline.start())

    selected = SelectiveExecutionConfig(selected_steps=["Second"], source_pipeline_execution_arn=whole.execution.arn)
    part = online.finish(pipeline.start(selective_execution_config=selected))

    assert part.status == "Succeeded", part.reasons
    assert part.metadata("Second")["Arn"] != whole.metadata("Second")["Arn"]
    ran = {name for name, described in part.steps.items() if "SelectiveExecutionResult" not in described}
    assert ran == {"Second"}


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_callback_step_waits_for_its_answer(online: Online, succeeds: bool) -> None:
    queue = online.client("sqs").create_queue(QueueName=online.name)["QueueUrl"]
    ask = CallbackStep(
        "Ask",
        sqs_queue_url=queue,
        inputs={"question": "how many"},
        outputs=[CallbackOutput("answer", CallbackOutputTypeEnum.String)],
    )
    said = processing_output("said", "/opt/ml/processing/output", online.uri("said"))
    processor = shell(
        online.session,
        ROLE,
        "echo $ANSWER > /opt/ml/processing/output/said",
        env={"ANSWER": ask.properties.Outputs["answer"]},
    )
    execution = online.pipeline(ask, ProcessingStep("Say", step_args=processor.run(outputs=[said]))).start()

    message = _message(online, queue)
    token = message["token"]
    if succeeds:
        online.sagemaker.send_pipeline_execution_step_success(
            CallbackToken=token, OutputParameters=[{"Name": "answer", "Value": "42"}]
        )
    else:
        online.sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="nobody knows")
    finished = online.finish(execution)

    assert message["arguments"] == {"question": "how many"}
    assert finished.status == ("Succeeded" if succeeds else "Failed"), finished.reasons
    if succeeds:
        assert online.get(online.uri("said/said")) == "42\n"
    else:
        assert "nobody knows" in finished.steps["Ask"]["FailureReason"]


def test_a_step_runs_when_another_failed(online: Online) -> None:
    broken = online.say("Break", "exit 1")
    notify = online.say("Notify", depends_on=[StepDependency(broken, TriggerCondition.FAILED)])
    execution = online.pipeline(broken, notify).start()

    for _ in range(240):
        if execution.describe()["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            break
        time.sleep(0.25)

    statuses = {item["StepName"]: item["StepStatus"] for item in execution.list_steps()}
    assert statuses == {"Break": "Failed", "Notify": "Succeeded"}


def test_steps_run_in_parallel_up_to_the_limit(online: Online) -> None:
    pipeline = online.pipeline(*(online.say(f"Sleep{number}", "sleep 0.5") for number in range(3)))

    finished = online.finish(pipeline.start(parallelism_config=ParallelismConfiguration(1)))

    assert finished.status == "Succeeded", finished.reasons
    times = sorted((item["StartTime"], item["EndTime"]) for item in finished.steps.values())
    assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_the_best_model_of_a_tuning_job_reaches_the_next_step(online: Online, tmp_path: Path) -> None:
    folder = online.put("data/data.csv", "x\n1\n").removesuffix("/data.csv")
    definitions = [MetricDefinition(name="validation:loss", regex="validation:loss=([0-9.e-]+)")]
    trainer = online.trainer(tmp_path, TUNED, hyperparameters={"rate": 0.1}).with_metric_definitions(definitions)
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="validation:loss",
        hyperparameter_ranges={"rate": ContinuousParameter(0.1, 0.9)},
        metric_definitions=[{"Name": "validation:loss", "Regex": "validation:loss=([0-9.e-]+)"}],
        strategy="Random",
        objective_type="Minimize",
        max_jobs=3,
        max_parallel_jobs=1,
    )
    arguments = tuner.tune(inputs=[InputData(channel_name="train", data_source=folder)])
    tuning = TuningStep("Tune", step_args=arguments)
    best = tuning.get_top_model_s3_uri(0, s3_bucket=online.bucket, prefix="models")
    said = processing_output("said", "/opt/ml/processing/output", online.uri("said"))
    processor = shell(online.session, ROLE, "echo $BEST > /opt/ml/processing/output/said", env={"BEST": best})

    finished = online.run(tuning, ProcessingStep("Say", step_args=processor.run(outputs=[said])))

    assert finished.status == "Succeeded", finished.reasons
    name = finished.metadata("Tune")["Arn"].split("/")[-1]
    job = online.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["TrainingJobStatusCounters"]["Completed"] == 3
    assert job["BestTrainingJob"]["TrainingJobName"] in online.get(online.uri("said/said"))


def test_a_quality_check_makes_a_baseline(online: Online) -> None:
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
    statistics = json.loads(online.get(finished.metadata("DataQuality")["CalculatedBaselineStatistics"]))
    assert {feature["name"] for feature in statistics["features"]} == {"age", "income"}


def test_functions_pass_their_results_on(online: Online) -> None:
    options = {"instance_type": "ml.m5.large", "role": ROLE, "image_uri": FUNCTION_IMAGE}

    def twice(number: int) -> int:
        return number * 2

    def sentence(number: int) -> str:
        return f"the number is {number}"

    double: Any = step(name="Double", **options)(twice)
    say: Any = step(name="Say", **options)(sentence)

    finished = online.run(say(double(21)))

    assert finished.status == "Succeeded", finished.reasons
    assert finished.execution.result("Say") == "the number is 42"


def test_a_message_is_joined_from_what_steps_left(online: Online) -> None:
    report = online.report("Report", {"score": 0.25})
    words = Join(on=" ", values=["it ran as", report.properties.ProcessingJobName])
    said = processing_output("said", "/opt/ml/processing/output", online.uri("said"))
    processor = shell(online.session, ROLE, 'echo "$WORDS" > /opt/ml/processing/output/said', env={"WORDS": words})

    finished = online.run(report, ProcessingStep("Say", step_args=processor.run(outputs=[said])))

    assert finished.status == "Succeeded", finished.reasons
    assert online.get(online.uri("said/said")) == f"it ran as {finished.metadata('Report')['Arn'].split('/')[-1]}\n"


def _message(online: Online, queue: str) -> dict[str, Any]:
    for _ in range(60):
        answer = online.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        if answer.get("Messages"):
            message: dict[str, Any] = json.loads(answer["Messages"][0]["Body"])
            return message
    raise TimeoutError(f"no message came to {queue}")
