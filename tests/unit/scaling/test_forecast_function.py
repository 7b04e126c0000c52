"""The function as it is deployed: its permissions, what calls it, and its archive, run with boto3 against CloudWatch."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlplatform import BatchInference, Column, EndpointScaling, InvalidPropsError, MlProject, Scoring, SourceDirectory
from mlscaling import Event, ForecastFloor, PublishedForecast, Scaling, Season, TimesUsual
from mlscaling.measurements.invocations import whole_interval
from tests.unit.pipeline.synthesis import Synthesized, flat, synthesize_project
from tests.unit.scaling.called_function import called, count_invocations, fallbacks, function, put_forecast, sent_to
from tests.unit.scaling.simulated_autoscaling import SimulatedAutoScaling
from tests.unit.servers import client, s3_server

FLOOR = ForecastFloor(requests_per_second=1, quantile=1, periods=2, around_minutes=60)
SPOT = Event(name="TV spot", at=datetime(2126, 12, 24, 20, 15, tzinfo=UTC), capacity=9)
POLICY = Scaling(minimum=2, maximum=12, floor=FLOOR, calendar=(SPOT,))


def define(directory: Path, scaling: Scaling = POLICY, endpoint_name: str = "quotes") -> Synthesized:
    return synthesize_project(
        directory,
        lambda project: EndpointScaling(
            project,
            "Scaling",
            project=project,
            endpoint_name=endpoint_name,
            variant_name="AllTraffic",
            scaling=scaling,
        ),
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return define(tmp_path_factory.mktemp("floor"))


def test_a_policy_without_a_floor_has_no_function(tmp_path: Path) -> None:
    assert not define(tmp_path, Scaling(maximum=2)).resources("AWS::Scheduler::Schedule")


def test_it_may_change_scheduled_actions_of_the_projects_own_targets_and_read(template: Synthesized) -> None:
    role = template.resources("AWS::IAM::Role")[function(template)["Role"]["Fn::GetAtt"][0]]
    statements = {one["Sid"]: one for one in role["Policies"][0]["PolicyDocument"]["Statement"]}

    assert {sid: one["Action"] for sid, one in statements.items()} == {
        "WriteOwnLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "ReadDemand": ["cloudwatch:GetMetricData"],
        "ReadActions": ["application-autoscaling:DescribeScheduledActions"],
        "SetTheFloor": [
            "application-autoscaling:DeleteScheduledAction",
            "application-autoscaling:PutScheduledAction",
        ],
        "UseTheKey": ["kms:Decrypt", "kms:GenerateDataKey"],
    }
    assert statements["SetTheFloor"]["Condition"] == {
        "StringEquals": {
            "application-autoscaling:service-namespace": "sagemaker",
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
            "aws:ResourceTag/project": "demo",
        }
    }
    target = template.only("AWS::ApplicationAutoScaling::ScalableTarget")
    assert {"Key": "project", "Value": "demo"} in target["Tags"]


def test_it_is_called_each_hour_once_there_is_a_target(template: Synthesized) -> None:
    (schedule,) = [one for one in template.template["Resources"].values() if one["Type"] == "AWS::Scheduler::Schedule"]
    (target_id,) = template.resources("AWS::ApplicationAutoScaling::ScalableTarget")

    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 hour)"
    assert schedule["DependsOn"] == [target_id]


def sized(at: datetime) -> Scaling:
    """A spot of ten times the usual, and no floor."""
    demand = TimesUsual(times=10, requests_per_second=1)
    spot = Event(name="TV spot", at=at, capacity=3, lead_minutes=10, demand=demand)
    return Scaling(minimum=2, maximum=12, calendar=(spot,))


def test_it_is_called_every_five_minutes_for_an_event_whose_demand_is_worked_out(tmp_path: Path) -> None:
    (schedule,) = define(tmp_path, sized(SPOT.at)).resources("AWS::Scheduler::Schedule").values()

    assert schedule["ScheduleExpression"] == "rate(5 minutes)"


def test_an_event_has_what_its_demand_takes_by_what_cloudwatch_counted(cloudwatch: Any, tmp_path: Path) -> None:
    """Half a request per second, and so five at ten times as many."""
    now = datetime.now(UTC)
    at = now.replace(second=0, microsecond=0) + timedelta(minutes=40)
    template = define(tmp_path, sized(at), endpoint_name="spots")
    count_invocations(cloudwatch, whole_interval(now), per_interval=150, endpoint_name="spots", rush=1)
    simulated = SimulatedAutoScaling(minimum=2, now=now, order=random.Random(0))

    called(template, simulated, cloudwatch.meta.endpoint_url, tmp_path)

    simulated.wait_until(at - timedelta(minutes=5))
    assert simulated.minimum == 5
    simulated.wait_until(now + timedelta(hours=4))
    assert simulated.minimum == 2


def test_somebody_is_told_when_it_fails(template: Synthesized) -> None:
    alarm = template.only("AWS::CloudWatch::Alarm")

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", "Errors", 0)
    (topic_id,) = template.resources("AWS::SNS::Topic")
    assert alarm["AlarmActions"] == [{"Ref": topic_id}]


WANTED = PublishedForecast(pipeline="demo-quote-demand", interval_minutes=60, time="hour", requests="expected")
FOLLOWING = replace(POLICY, floor=replace(FLOOR, published=WANTED))
JOBS = SourceDirectory("examples/demand_forecast/jobs")


def define_following(directory: Path, scoring: Scoring, time: str = "hour") -> Synthesized:
    def declare(project: MlProject) -> None:
        EndpointScaling(
            project,
            "Scaling",
            project=project,
            endpoint_name="quotes",
            variant_name="AllTraffic",
            scaling=FOLLOWING,
        )
        BatchInference(
            project,
            "QuoteDemand",
            source=JOBS,
            input_prefix="quotes/",
            keys=[Column(time, "timestamp")],
            predictions=[Column("expected", "double")],
            scoring=scoring,
        )

    return synthesize_project(directory, declare)


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return define_following(tmp_path_factory.mktemp("following"), Scoring(json_lines=True))


def test_it_may_read_the_newest_output_of_its_pipeline_and_tell_whether_it_could(following: Synthesized) -> None:
    role = following.resources("AWS::IAM::Role")[function(following)["Role"]["Fn::GetAtt"][0]]
    statements = {one["Sid"]: one for one in role["Policies"][0]["PolicyDocument"]["Statement"]}
    found, read, tell = (statements[sid] for sid in ("FindForecast", "ReadForecast", "TellOfFallbacks"))

    assert (found["Action"], found["Condition"]) == (
        ["s3:ListBucket"],
        {"StringLike": {"s3:prefix": "demo-quote-demand/*"}},
    )
    assert read["Action"] == ["s3:GetObject"]
    assert [flat(one).partition(":::")[2].partition("/")[2] for one in read["Resource"]] == [
        "demo-quote-demand/latest.json",
        "demo-quote-demand/runs/*/manifest.json",
        "demo-quote-demand/runs/*/part-*.jsonl",
    ]
    assert (tell["Action"], tell["Condition"]) == (
        ["cloudwatch:PutMetricData"],
        {"StringEquals": {"cloudwatch:namespace": "MLPlatform/Scaling"}},
    )


def test_somebody_is_told_when_the_quantile_has_to_do(following: Synthesized) -> None:
    (alarm,) = [
        one
        for one in following.resources("AWS::CloudWatch::Alarm").values()
        if one["AlarmName"] == "quotes-AllTraffic-floor/Fallback"
    ]

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == (
        "MLPlatform/Scaling",
        "ForecastFallbacks",
        0,
    )
    assert alarm["Dimensions"] == [{"Name": "Target", "Value": "endpoint/quotes/variant/AllTraffic"}]
    (topic_id,) = following.resources("AWS::SNS::Topic")
    assert alarm["AlarmActions"] == [{"Ref": topic_id}]


def test_a_forecast_that_no_pipeline_publishes_stops_the_synthesis(tmp_path: Path) -> None:
    whose = "the published forecast of endpoint/quotes/variant/AllTraffic"
    with pytest.raises(RuntimeError, match=f"{whose} is of the pipeline 'demo-quote-demand', and .* are: none"):
        define(tmp_path / "none", FOLLOWING)
    with pytest.raises(RuntimeError) as raised:
        define_following(tmp_path / "other", Scoring(), time="time")

    assert f"{whose}: 'demo-quote-demand' has no column 'hour'; use one of time, expected" in str(raised.value)
    assert "publishes Parquet only; give it scoring=Scoring(json_lines=True)" in str(raised.value)


def test_a_forecast_that_looks_further_back_than_cloudwatch_is_refused(tmp_path: Path) -> None:
    floor = ForecastFloor(requests_per_second=1, quantile=1, periods=9, season=Season.WEEK)

    with pytest.raises(InvalidPropsError) as raised:
        define(tmp_path, Scaling(maximum=2, floor=floor), endpoint_name="q" * 60)

    looks, name = raised.value.problems
    assert looks == "the forecast looks at the last 64 days, and CloudWatch keeps 63; use fewer periods or recent_hours"
    assert "has a name of 77 characters, and Lambda takes 64" in name


@pytest.fixture(scope="module")
def cloudwatch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real CloudWatch emulator."""
    with s3_server(tmp_path_factory.mktemp("aws")) as s3:
        yield client("cloudwatch", s3.meta.endpoint_url)


def test_its_archive_needs_boto3_alone_and_raises_the_minimum_by_what_cloudwatch_counted(
    template: Synthesized, cloudwatch: Any, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    count_invocations(cloudwatch, whole_interval(now), per_interval=150)  # Half a request per second, and 5.
    simulated = SimulatedAutoScaling(minimum=2, now=now, order=random.Random(0))

    answers = [called(template, simulated, cloudwatch.meta.endpoint_url, tmp_path) for _ in range(2)]

    assert answers[0]["put"] == answers[0]["actions"] >= 2
    assert sorted(name.partition("-")[0] for name in simulated.found) == ["floor"] * len(simulated.found)
    simulated.wait_until(now + timedelta(minutes=15))
    assert simulated.minimum == 5
    simulated.wait_until(now + timedelta(hours=4))
    assert simulated.minimum == 2


def test_what_batch_inference_publishes_counts_and_the_metric_says_when_it_cannot(
    following: Synthesized, cloudwatch: Any, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    url = cloudwatch.meta.endpoint_url
    s3 = client("s3", url)
    bucket = json.loads(sent_to(following))["forecast_uri"].removeprefix("s3://").partition("/")[0]
    s3.create_bucket(Bucket=bucket)
    simulated = SimulatedAutoScaling(minimum=2, now=now, order=random.Random(0))

    called(following, simulated, url, tmp_path)
    missing = fallbacks(cloudwatch, now)
    put_forecast(s3, bucket, now, pipeline=WANTED.pipeline, per_hour=7 * 3600)
    called(following, simulated, url, tmp_path)

    assert (missing, fallbacks(cloudwatch, now)) == ((1, 1), (1, 2))
    simulated.wait_until(now + timedelta(minutes=15))
    assert simulated.minimum == 7
