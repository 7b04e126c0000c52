from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk import App

from mlplatform import (
    BatchInference,
    InvalidPropsError,
    MlProject,
    NewData,
    PipelineSucceeded,
    Schedule,
    SourceDirectory,
    StartOn,
)
from tests.unit.pipeline.synthesis import Json, Synthesized, flat, new_project, synthesize_project

NAME = "demo-weekly-forecast"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceDirectory:
    directory = tmp_path_factory.mktemp("jobs")
    (directory / "prepare.py").write_text("print('hello')\n")
    return SourceDirectory(directory)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory, source: SourceDirectory) -> Synthesized:
    def define(project: MlProject) -> None:
        BatchInference(
            project,
            "WeeklyForecast",
            source=source,
            input_prefix="history/",
            output_columns=("store", "timestamp", "forecast"),
            partition_by="timestamp",
            schedule=Schedule.cron("0 3 ? * MON *", time_zone="America/New_York"),
        )

    return synthesize_project(tmp_path_factory.mktemp("out"), define)


@pytest.fixture(scope="module")
def steps(synthesized: Synthesized) -> dict[str, Json]:
    return synthesized.steps(NAME)


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))


def statements_of(role: Json) -> dict[str, Json]:
    return {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}


def role_of(synthesized: Synthesized, start: str) -> Json:
    (role,) = (role for name, role in synthesized.resources("AWS::IAM::Role").items() if name.startswith(start))
    return role


def test_the_steps_are_those_of_the_contract(steps: dict[str, Json]) -> None:
    assert list(steps) == ["ResolveInputs", "PrepareInput", "CreateModel", "Predict", "WriteParquet", "PublishManifest"]


def test_the_model_is_the_one_resolved_at_run_time(steps: dict[str, Json]) -> None:
    (container,) = steps["CreateModel"]["Arguments"]["Containers"]
    assert container == {"ModelPackageName": {"Get": "Steps.ResolveInputs.OutputParameters['model_package_arn']"}}


def test_the_model_sees_the_features_and_the_output_keeps_keys_and_prediction(steps: dict[str, Json]) -> None:
    processing = steps["Predict"]["Arguments"]["DataProcessing"]
    assert processing == {"InputFilter": "$[2:]", "JoinSource": "Input", "OutputFilter": "$[0,1,-1]"}


def test_a_run_writes_only_under_its_own_execution(steps: dict[str, Json]) -> None:
    outputs = steps["WriteParquet"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    forecast = next(found for found in outputs if found["OutputName"] == "forecast")["S3Output"]["S3Uri"]["Std:Join"]
    assert forecast["On"] == ""
    assert forecast["Values"][0].endswith("/demo-weekly-forecast/runs/run_id=")
    assert forecast["Values"][1] == {"Get": "Execution.PipelineExecutionId"}


def test_the_manifest_is_published_last(steps: dict[str, Json]) -> None:
    report = steps["PublishManifest"]["Arguments"]["report_uri"]["Std:Join"]["Values"]
    assert report[0] == {"Get": "Steps.WriteParquet.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"}


def test_paths_of_the_container_stand_whole_in_the_arguments(steps: dict[str, Json]) -> None:
    """An engine without private mounts rewrites /opt/ml where it finds it."""
    for name in ("PrepareInput", "WriteParquet"):
        arguments = steps[name]["Arguments"]["AppSpecification"]["ContainerArguments"]
        paths = [argument for argument in arguments if "/" in argument]
        assert paths
        assert all(path.startswith("/opt/ml/") for path in paths)


def test_schedule_targets_the_pipeline_it_was_made_with(synthesized: Synthesized) -> None:
    schedule = synthesized.only("AWS::Scheduler::Schedule")
    (pipeline,) = synthesized.resources("AWS::SageMaker::Pipeline")
    assert flat(schedule["Target"]["Arn"]).endswith(f":pipeline/<{pipeline}>")
    assert schedule["ScheduleExpression"] == "cron(0 3 ? * MON *)"
    assert schedule["ScheduleExpressionTimezone"] == "America/New_York"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_the_scheduler_may_start_this_pipeline_and_keep_what_failed_and_nothing_else(synthesized: Synthesized) -> None:
    role = role_of(synthesized, "ProjectWeeklyForecastScheduleRole")
    statements = statements_of(role)
    assert sorted(statements) == ["KeepFailedStarts", "StartPipelines", "UseTheKey"]
    (pipeline,) = synthesized.resources("AWS::SageMaker::Pipeline")
    assert [flat(arn).rsplit("/")[-1] for arn in statements["StartPipelines"]["Resource"]] == [f"<{pipeline}>"]


def test_only_the_schedules_own_group_may_assume_the_schedulers_role(synthesized: Synthesized) -> None:
    role = role_of(synthesized, "ProjectWeeklyForecastScheduleRole")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert condition["aws:SourceAccount"] == "123456789012"
    assert flat(condition["aws:SourceArn"]).endswith(":schedule-group/demo-weekly-forecast")


def test_starts_that_fail_go_to_an_encrypted_queue(synthesized: Synthesized) -> None:
    schedule, queue = synthesized.only("AWS::Scheduler::Schedule"), synthesized.only("AWS::SQS::Queue")
    assert flat(schedule["Target"]["DeadLetterConfig"]["Arn"]).startswith("<ProjectWeeklyForecastScheduleDeadLetters")
    assert flat(queue["KmsMasterKeyId"]).startswith("<ProjectKey")
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_without_a_schedule_nothing_starts_by_itself(tmp_path: Path, source: SourceDirectory) -> None:
    made = []

    def define(project: MlProject) -> None:
        made.append(BatchInference(project, "OnDemand", source=source, input_prefix="history/"))

    synthesized = synthesize_project(tmp_path, define)
    for kind in ("AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup", "AWS::SQS::Queue"):
        assert synthesized.resources(kind) == {}
    assert made[0].pipeline.starts is None


def test_it_starts_on_its_schedule_and_on_what_arrives(tmp_path: Path, source: SourceDirectory) -> None:
    on = StartOn(events=[NewData(prefix="history/"), PipelineSucceeded(pipeline_name="demo-ingest")])

    def define(project: MlProject) -> None:
        schedule = Schedule.rate(days=1)
        BatchInference(project, "Daily", source=source, input_prefix="history/", schedule=schedule, start_on=on)

    synthesized = synthesize_project(tmp_path, define)
    assert len(synthesized.resources("AWS::Scheduler::Schedule")) == 1
    assert len(synthesized.resources("AWS::Events::Rule")) == 2


def test_functions_may_do_what_their_step_needs_and_no_more(synthesized: Synthesized) -> None:
    resolve = statements_of(role_of(synthesized, "ProjectWeeklyForecastResolveInputsRole"))
    assert {action for found in resolve.values() for action in found["Action"]} == {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:ListBucketVersions",
        "s3:PutObject",
        "sagemaker:ListModelPackages",
    }
    publish = statements_of(role_of(synthesized, "ProjectWeeklyForecastPublishManifestRole"))
    assert [flat(arn).split(">/")[-1] for arn in publish["PruneRuns"]["Resource"]] == ["demo-weekly-forecast/runs/*"]


def test_the_pipeline_may_call_its_two_functions(synthesized: Synthesized) -> None:
    invoke = statements_of(role_of(synthesized, "ProjectPipelineRole"))["InvokeFunctions"]
    functions = synthesized.resources("AWS::Lambda::Function")
    assert sorted(flat(arn) for arn in invoke["Resource"]) == sorted(f"<{name}.Arn>" for name in functions)


def test_logs_of_functions_are_encrypted_and_expire(synthesized: Synthesized) -> None:
    groups = synthesized.resources("AWS::Logs::LogGroup").values()
    assert {group["LogGroupName"] for group in groups} == {
        "/aws/lambda/demo-weekly-forecast-publish-manifest",
        "/aws/lambda/demo-weekly-forecast-resolve-inputs",
    }
    assert all(group["RetentionInDays"] == 90 and "KmsKeyId" in group for group in groups)


def test_all_wrong_props_are_told_at_once(project: MlProject, source: SourceDirectory) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        BatchInference(
            project,
            "Wrong" * 9,
            source=source,
            input_prefix="history/",
            prepare="prep.py",
            output_columns=("timestamp", "date", "date"),
            partition_by="day",
        )
    starts = [problem[:40] for problem in caught.value.problems]
    assert starts[0].startswith("script 'prep.py' is not in")
    assert starts[1].startswith("output_columns names 'date' twice")
    assert starts[2].startswith("partition_by 'day' is not a key column")
    assert starts[3].startswith("output column 'date' would hide")
    assert starts[4].startswith("the pipeline's name 'demo-wrong")


def test_the_prediction_cannot_be_what_the_output_is_partitioned_by(
    project: MlProject, source: SourceDirectory
) -> None:
    with pytest.raises(InvalidPropsError, match="partition_by 'forecast' is not a key column; use one of timestamp"):
        BatchInference(
            project,
            "Prediction",
            source=source,
            input_prefix="history/",
            output_columns=("timestamp", "forecast"),
            partition_by="forecast",
        )
