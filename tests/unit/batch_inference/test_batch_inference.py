"""`BatchInference`: what starts it, what people see of it, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from aws_cdk import App, Environment, Stack

from mlplatform import (
    BatchInference,
    Column,
    InstanceLadder,
    InvalidPropsError,
    JobLimits,
    MlProject,
    Scoring,
    SourceDirectory,
)
from tests.unit.batch_inference.two_pipelines import FULL, FULL_ID, PLAIN, PLAIN_ID, only, role, settings, statements_of
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Json, Synthesized, flat, synthesize


def test_the_schedule_calls_the_controller_with_the_moment(both: Synthesized) -> None:
    schedule = only(both.resources("AWS::Scheduler::Schedule"), f"{PLAIN_ID}Schedule")
    assert flat(schedule["Target"]["Arn"]).startswith(f"<{PLAIN_ID}ControllerFunction")
    assert json.loads(schedule["Target"]["Input"]) == {
        "start": {"scheduled_at": "<aws.scheduler.scheduled-time>", "because": "schedule"}
    }
    assert schedule["ScheduleExpression"] == "cron(0 3 ? * MON *)"
    assert schedule["ScheduleExpressionTimezone"] == "America/New_York"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_the_scheduler_may_call_this_controller_and_keep_what_failed_and_nothing_else(
    both: Synthesized,
) -> None:
    statements = statements_of(role(both, f"{PLAIN_ID}ScheduleRole"))
    assert sorted(statements) == ["CallTheFunction", "KeepFailedStarts", "UseTheKey"]
    (called,) = statements["CallTheFunction"]["Resource"]
    assert flat(called).startswith(f"<{PLAIN_ID}ControllerFunction")


def test_only_the_schedules_own_group_may_assume_the_schedulers_role(both: Synthesized) -> None:
    (statement,) = role(both, f"{PLAIN_ID}ScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert condition["aws:SourceAccount"] == ACCOUNT
    assert flat(condition["aws:SourceArn"]).endswith(f":schedule-group/{PLAIN}")


def test_starts_and_events_that_fail_go_to_encrypted_queues(both: Synthesized) -> None:
    schedule = only(both.resources("AWS::Scheduler::Schedule"), f"{PLAIN_ID}Schedule")
    assert flat(schedule["Target"]["DeadLetterConfig"]["Arn"]).startswith(f"<{PLAIN_ID}ScheduleDeadLetters")
    config = only(both.resources("AWS::Lambda::EventInvokeConfig"), f"{PLAIN_ID}ControllerFailedEvents")
    assert flat(config["DestinationConfig"]["OnFailure"]["Destination"]).startswith(f"<{PLAIN_ID}ControllerDeadLetters")
    assert config["MaximumRetryAttempts"] == 2
    for queue in both.resources("AWS::SQS::Queue").values():
        assert flat(queue["KmsMasterKeyId"]).startswith("<ProjectKey")
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_events_plan_a_call_of_the_controller(both: Synthesized) -> None:
    (function,) = (
        it for it in both.resources("AWS::Lambda::Function").values() if it["FunctionName"] == f"{FULL}-plan-start"
    )
    target = json.loads(flat(function["Environment"]["Variables"]["SCHEDULE"]))["Target"]
    assert target["Arn"].startswith(f"<{FULL_ID}ControllerFunction")
    assert json.loads(target["Input"])["start"]["because"] == "events"
    rules = [name for name in both.resources("AWS::Events::Rule") if name.startswith(f"{FULL_ID}ScheduleOnEve")]
    assert len(rules) == 2


def test_the_controller_looks_around_every_five_minutes(both: Synthesized) -> None:
    tick = only(both.resources("AWS::Scheduler::Schedule"), f"{PLAIN_ID}ControllerTick")
    assert tick["ScheduleExpression"] == "rate(5 minutes)"
    assert flat(tick["Target"]["Arn"]).startswith(f"<{PLAIN_ID}ControllerFunction")
    assert json.loads(tick["Target"]["Input"]) == {"tick": True}
    assert tick["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_schedules_of_one_stack_have_different_names(both: Synthesized) -> None:
    """CloudFormation knows a schedule by its name, whatever its group is."""
    names = [it["Name"] for it in both.resources("AWS::Scheduler::Schedule").values()]
    assert len(names) == len(set(names)) == 3


def test_the_controller_hears_how_executions_of_its_pipeline_end(both: Synthesized) -> None:
    rule = only(both.resources("AWS::Events::Rule"), f"{PLAIN_ID}ControllerEnds")
    detail = rule["EventPattern"]["detail"]
    assert [flat(arn).rpartition(":")[2] for arn in detail["pipelineArn"]] == [f"pipeline/{PLAIN}"]
    assert "Executing" not in detail["currentPipelineExecutionStatus"]
    assert set(detail["currentPipelineExecutionStatus"]) > {"Succeeded", "Failed", "Stopped"}
    permission = only(both.resources("AWS::Lambda::Permission"), f"{PLAIN_ID}ControllerHearOfEnds")
    assert flat(permission["SourceArn"]).startswith(f"<{PLAIN_ID}ControllerEnds")


def test_with_ground_truth_the_controller_hears_of_measurements_too_and_may_see_why_they_failed(
    both: Synthesized,
) -> None:
    rule = only(both.resources("AWS::Events::Rule"), f"{FULL_ID}ControllerEnds")
    heard = [flat(arn).rpartition(":")[2] for arn in rule["EventPattern"]["detail"]["pipelineArn"]]
    assert heard == [f"pipeline/{FULL}", f"pipeline/{FULL}-quality"]
    (seen,) = statements_of(role(both, f"{FULL_ID}ControllerFunctionRole"))["ReadMeasurements"]["Resource"]
    assert flat(seen).rpartition(":")[2] == f"pipeline/{FULL}-quality/execution/*"


def test_without_a_schedule_only_the_controller_wakes(both: Synthesized) -> None:
    schedules = [it for it in both.resources("AWS::Scheduler::Schedule") if it.startswith(FULL_ID)]
    assert [re.sub("[0-9A-F]{8}$", "", it) for it in schedules] == [f"{FULL_ID}ControllerTick"]


def test_without_a_schedule_or_events_nothing_starts_by_itself(project: MlProject, source: SourceDirectory) -> None:
    assert BatchInference(project, "OnDemand", source=source, input_prefix="history/").pipeline.starts is None


def alarms(both: Synthesized, pipeline: str) -> dict[str, Json]:
    found = ((*it["AlarmName"].rpartition("/")[::2], it) for it in both.resources("AWS::CloudWatch::Alarm").values())
    return {name: alarm for owner, name, alarm in found if owner == pipeline}


def test_alarms_are_those_that_what_was_said_gives_a_meaning(both: Synthesized) -> None:
    drift = ["InputDrift", "PredictionDrift"]
    assert list(alarms(both, PLAIN)) == ["OutputOverdue", "RunFailed", *drift]
    assert list(alarms(both, FULL)) == ["RunFailed", "ForecastLate", *drift]


def test_alarms_are_made_after_the_controllers_first_look_which_gives_them_data(both: Synthesized) -> None:
    (look,) = (it for it in both.resources("AWS::CloudFormation::CustomResource") if it.startswith(PLAIN_ID))
    made = [it for name, it in both.template["Resources"].items() if name.startswith(f"{PLAIN_ID}AlarmsOutputOverdue")]
    assert [look in alarm["DependsOn"] for alarm in made] == [True]


def test_output_is_overdue_a_grace_after_the_longest_gap_of_the_schedule(both: Synthesized) -> None:
    overdue = alarms(both, PLAIN)["OutputOverdue"]
    week_with_the_hour_of_winter_time, grace = 7 * 24 * 3600 + 3600, 2 * 3600
    assert overdue["Threshold"] == week_with_the_hour_of_winter_time + grace


def test_the_table_has_the_keys_then_the_predictions(both: Synthesized) -> None:
    tables = {it["TableInput"]["Name"]: it["TableInput"] for it in both.resources("AWS::Glue::Table").values()}
    columns = {
        name: [(it["Name"], it["Type"]) for it in table["StorageDescriptor"]["Columns"]]
        for name, table in tables.items()
    }
    assert columns == {
        "weekly_forecast": [("store", "string"), ("timestamp", "timestamp"), ("forecast", "double")],
        "everything": [("timestamp", "timestamp"), ("prediction", "double")],
    }


def test_the_dashboard_shows_the_runs_with_their_alarms_and_quality(both: Synthesized) -> None:
    dashboards = {
        it["DashboardName"]: json.loads(flat(it["DashboardBody"]))["widgets"]
        for it in both.resources("AWS::CloudWatch::Dashboard").values()
    }
    assert set(dashboards) == {PLAIN, FULL}
    assert [len(widgets[0]["properties"]["alarms"]) for widgets in dashboards.values()] == [4, 4]
    assert "QualityMAE" in json.dumps(dashboards[FULL])
    assert "QualityMAE" not in json.dumps(dashboards[PLAIN])


def test_ground_truth_brings_a_pipeline_that_measures(both: Synthesized) -> None:
    names = {it["PipelineName"] for it in both.resources("AWS::SageMaker::Pipeline").values()}
    assert names == {PLAIN, FULL, f"{FULL}-quality"}
    assert list(both.steps(f"{FULL}-quality")) == ["PlanQuality", "MeasureQuality", "RecordQuality"]


def test_all_wrong_props_are_told_at_once(project: MlProject, source: SourceDirectory) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        BatchInference(
            project,
            "Wrong" * 9,
            source=source,
            input_prefix="history/",
            prepare="prep.py",
            keys=[Column("store", "decimal(10,2)"), Column("date", "date")],
            predictions=[Column("store", "bigint")],
            scoring=Scoring(ladder=InstanceLadder.of("ml.r5.large"), max_hours=25),
        )
    expected = (
        "script 'prep.py' is not in",
        "column 'date' would hide the partition",
        "column 'store' is named 2 times",
        "key column 'store' has type 'decimal(10,2)'; use one of string, bigint,",
        "prediction column 'store' has type 'bigint'; use one of double, boolean, string",
        "the pipeline's name 'demo-wrong",
        "the ladder has ml.r5.large, which the project may not use",
        "max_hours is 25; the project's jobs may run 1 to 24 hours",
    )
    assert len(caught.value.problems) == len(expected)
    for problem, start in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith(start)


def test_columns_have_to_be_named(project: MlProject, source: SourceDirectory) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        BatchInference(project, "NoColumns", source=source, input_prefix="history/", keys=[], predictions=[])
    assert [problem.split(";")[0] for problem in caught.value.problems[:2]] == ["keys is empty", "predictions is empty"]


def test_scoring_lasts_no_longer_than_the_projects_jobs_may(source: SourceDirectory, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    stack = Stack(app, "stack", env=Environment(account=ACCOUNT, region=REGION))
    limits = JobLimits(max_runtime_hours=2)
    project = MlProject(stack, "Project", name="demo", owner="team@example.com", limits=limits)
    BatchInference(project, "Short", source=source, input_prefix="history/")
    synthesized = synthesize(app, tmp_path)
    stopping = synthesized.steps("demo-short")["Score"]["Arguments"]["StoppingCondition"]
    assert stopping == {"MaxRuntimeInSeconds": 2 * 3600}
    assert settings(synthesized, "demo-short-plan-scoring").max_runtime_seconds == 2 * 3600
