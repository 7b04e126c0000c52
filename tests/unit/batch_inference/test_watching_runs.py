"""What a pipeline's output and its runs look like to people: the table, the alarms, the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App

from mlplatform import InvalidPropsError, MlProject
from mlplatform.batch_inference import run_metrics
from mlplatform.batch_inference.alarms import DriftLimits, RunAlarms, default_grace_seconds
from mlplatform.batch_inference.dashboard import RunDashboard
from mlplatform.batch_inference.published_table import Column, ProjectTables, PublishedTable
from tests.unit.pipeline.synthesis import Json, Synthesized, flat, new_project, synthesize_project

NAME = "demo-weekly-forecast"
DAY = 24 * 3600
COLUMNS = [Column("timestamp", "timestamp"), Column("forecast", "double")]


def define(project: MlProject) -> None:
    for name in (NAME, "demo-hourly"):
        PublishedTable(
            project,
            f"TableOf{name}",
            project=project,
            pipeline_name=name,
            root_uri=project.output_uri(name),
            columns=COLUMNS,
        )
    alarms = RunAlarms(
        project,
        "Alarms",
        project=project,
        pipeline_name=NAME,
        expected_interval_seconds=7 * DAY,
        has_deadline=True,
        drift=DriftLimits(predictions=None),
    )
    RunDashboard(
        project,
        "Dashboard",
        pipeline_name=NAME,
        region=project.region,
        overdue_after_seconds=8 * DAY,
        alarm_arns=alarms.alarm_arns,
        quality_metrics=["QualityMAE"],
    )


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize_project(tmp_path_factory.mktemp("out"), define)


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))


@pytest.fixture(scope="module")
def table(synthesized: Synthesized) -> Json:
    (found,) = (
        it["TableInput"]
        for it in synthesized.resources("AWS::Glue::Table").values()
        if it["TableInput"]["Name"] == "weekly_forecast"
    )
    return dict(found)


@pytest.fixture(scope="module")
def alarms(synthesized: Synthesized) -> dict[str, Json]:
    return {it["AlarmName"].rpartition("/")[2]: it for it in synthesized.resources("AWS::CloudWatch::Alarm").values()}


def test_athena_reads_the_files_that_name_the_published_files(table: Json) -> None:
    storage = table["StorageDescriptor"]
    assert storage["InputFormat"] == "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert flat(storage["Location"]).endswith(f"/{NAME}/published/")
    assert storage["Columns"] == [{"Name": "timestamp", "Type": "timestamp"}, {"Name": "forecast", "Type": "double"}]


def test_partitions_are_computed_and_never_added(table: Json) -> None:
    assert table["PartitionKeys"] == [{"Name": "date", "Type": "date"}]
    projection = {name: value for name, value in table["Parameters"].items() if name.startswith("projection.")}
    assert projection["projection.enabled"] == "true"
    assert projection["projection.date.range"] == "2020-01-01,NOW+1DAYS"
    assert flat(table["Parameters"]["storage.location.template"]).endswith(f"/{NAME}/published/date=${{date}}/")


def test_tables_of_a_project_share_a_database_and_a_workgroup(synthesized: Synthesized) -> None:
    database = synthesized.only("AWS::Glue::Database")
    assert database["DatabaseInput"]["Name"] == "demo_predictions"
    workgroup = synthesized.only("AWS::Athena::WorkGroup")
    configuration = workgroup["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    result = configuration["ResultConfiguration"]
    assert flat(result["OutputLocation"]).endswith("/athena-results/")
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert flat(result["EncryptionConfiguration"]["KmsKey"]).startswith("<ProjectKey")
    assert {"Key": "project", "Value": "demo"} in workgroup["Tags"]


def test_data_scientists_query_in_the_projects_workgroup_only(synthesized: Synthesized) -> None:
    (role,) = (it for name, it in synthesized.resources("AWS::IAM::Role").items() if "DataScientistRole" in name)
    statements = {it["Sid"]: it for it in role["Policies"][0]["PolicyDocument"]["Statement"]}
    (workgroup,) = statements["QueryTables"]["Resource"]
    assert flat(workgroup).endswith(":workgroup/demo")
    tables = [flat(arn).rpartition(":")[2] for arn in statements["ReadTables"]["Resource"]]
    assert tables == ["catalog", "database/demo_predictions", "table/demo_predictions/*"]


def test_every_mistake_in_the_columns_is_told(project: MlProject) -> None:
    columns = [Column("Store Id", "text"), Column("date", "date"), Column("x", "int"), Column("x", "double")]
    with pytest.raises(InvalidPropsError) as raised:
        PublishedTable(
            project, "Bad", project=project, pipeline_name="demo-x", root_uri="s3://bucket/demo-x", columns=columns
        )
    assert raised.value.problems == (
        "column 'Store Id' cannot be named so in Athena; use lower-case letters, digits and underscores, such as 'store_id'",
        "column 'Store Id' has type 'text'; use one of Athena's, such as double, bigint, string, timestamp",
        "column 'date' would hide the partition of that name; give it another name",
        "column 'x' is named 2 times; give each column a name of its own",
    )


def test_a_limit_on_what_a_query_scans_is_checked(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError, match="max_scanned_gib is 0; use 1 to 7168"):
        ProjectTables(project, max_scanned_gib=0)


def test_the_dead_mans_switch_fires_when_nobody_says_anything(alarms: dict[str, Json]) -> None:
    overdue = alarms["OutputOverdue"]
    assert overdue["TreatMissingData"] == "breaching"
    assert overdue["MetricName"] == "OutputAgeSeconds"
    assert overdue["Threshold"] == 7 * DAY + default_grace_seconds(7 * DAY)
    assert overdue["Period"] * overdue["EvaluationPeriods"] == 900
    assert "runs are due every 7 days, with 1.8 days to spare" in overdue["AlarmDescription"]


def test_other_alarms_stay_quiet_without_data(alarms: dict[str, Json]) -> None:
    assert list(alarms) == ["OutputOverdue", "RunFailed", "ForecastLate", "InputDrift"]
    assert {it["TreatMissingData"] for name, it in alarms.items() if name != "OutputOverdue"} == {
        "notBreaching",
        "ignore",
    }


def test_each_alarm_tells_the_project_what_it_means_and_what_to_run_next(alarms: dict[str, Json]) -> None:
    for alarm in alarms.values():
        assert "Run next: mlp " in alarm["AlarmDescription"]
        assert len(alarm["AlarmDescription"]) <= 1024
        assert alarm["Dimensions"] == [{"Name": "Pipeline", "Value": NAME}]


def test_nobody_is_told_twice_what_the_controller_tells_with_the_reason(alarms: dict[str, Json]) -> None:
    told = {name: [flat(topic) for topic in alarm.get("AlarmActions", [])] for name, alarm in alarms.items()}
    assert {name for name, topics in told.items() if not topics} == {"RunFailed", "ForecastLate"}
    for topics in filter(None, told.values()):
        (topic,) = topics
        assert topic.startswith("<ProjectNotifications")
    assert [name for name, alarm in alarms.items() if "OKActions" in alarm] == ["OutputOverdue"]


def test_every_mistake_in_the_limits_of_alarms_is_told(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError) as raised:
        RunAlarms(
            project,
            "BadAlarms",
            project=project,
            pipeline_name=NAME,
            expected_interval_seconds=0,
            grace_seconds=-1,
            drift=DriftLimits(inputs=0),
        )
    assert len(raised.value.problems) == 3


def test_an_alarm_can_start_a_training_pipeline(project: MlProject) -> None:
    alarms = RunAlarms(project, "Some", project=project, pipeline_name=NAME, expected_interval_seconds=None)
    assert alarms.alarm_arn(run_metrics.OUTPUT_AGE_SECONDS) is None
    assert alarms.alarm_arn(run_metrics.INPUT_DRIFT) is not None


def test_the_dashboard_shows_every_metric_of_runs(synthesized: Synthesized) -> None:
    dashboard = synthesized.only("AWS::CloudWatch::Dashboard")
    body = json.loads(flat(dashboard["DashboardBody"]))
    graphs = [widget["properties"] for widget in body["widgets"] if widget["type"] == "metric"]
    shown = {metric[1] for graph in graphs for metric in graph["metrics"]}
    metrics = {value for name, value in vars(run_metrics).items() if name.isupper() and isinstance(value, str)}
    assert shown == metrics - {run_metrics.NAMESPACE, run_metrics.DIMENSION} | {"QualityMAE"}
    assert body["widgets"][0]["type"] == "alarm"
    corners = {(widget["x"], widget["y"]) for widget in body["widgets"]}
    assert len(corners) == len(body["widgets"])


def test_two_syntheses_are_byte_for_byte_the_same(synthesized: Synthesized, tmp_path: Path) -> None:
    assert synthesize_project(tmp_path / "again", define).template == synthesized.template
