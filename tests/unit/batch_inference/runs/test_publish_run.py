"""The function of the step PublishRun: what it checks, tells and remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.session import Session
from botocore.stub import Stubber

from column_profiles import population_stability_index
from mlscaling.jobs.ladder import GIB, OutOfMemory, StepMemory
from runs import drift, plan_quality, publish_run, record_quality
from runs.metrics import Job, cost_usd
from runs.publish_run import IncompleteRunError
from runs.settings import Settings
from runs.state import ActiveRun, Because, StaleFenceError, State
from runs.store import Store
from tests.unit.batch_inference.runs.publishing import EXECUTION, Generation, Json, Output, profile
from tests.unit.servers import REGION, client

STARTED = datetime(2026, 11, 23, 3, tzinfo=UTC)
MONDAY, TUESDAY = "2026-11-23T120000Z", "2026-11-24T120000Z"
JOB = "arn:aws:sagemaker:us-east-1:123456789012:processing-job/pipelines-x-score"
NAMESPACE = "MLPlatform/BatchInference"
Publish = Callable[..., dict[str, str]]


@pytest.fixture
def output(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Output:
    runs = {
        "pipeline_name": "demo-weekly",
        "pipeline_arn": EXECUTION.partition("/execution")[0],
        "state_uri": f"s3://{bucket}/run-state/demo-weekly.json",
        "root_uri": f"s3://{bucket}/demo-weekly",
        "work_root_uri": f"s3://{bucket}/work",
        "region": REGION,
        "time_zone": "America/New_York",
        "ladder": {"rungs": [{"instance_type": "ml.m5.large", "memory_gib": 8, "usd_per_hour": 0.115}]},
    }
    monkeypatch.setenv("RUNS", json.dumps(runs))
    return Output(s3, bucket)


@pytest.fixture
def told(output: Output, monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """What CloudWatch was told. SageMaker answers with one job of six minutes on two instances."""
    requests: list[Json] = []
    cloudwatch = client("cloudwatch")

    def heard(params: Json, **_: object) -> None:
        requests.append(params)

    cloudwatch.meta.events.register("provide-client-params.cloudwatch.PutMetricData", heard)
    answer = Stubber(cloudwatch)
    for _ in range(4):
        answer.add_response("put_metric_data", {})
    answer.activate()

    def provide(service: str) -> Any:
        return {"s3": lambda: output.s3, "cloudwatch": lambda: cloudwatch, "sagemaker": sagemaker}[service]()

    monkeypatch.setattr("boto3.client", provide)
    return requests


def sagemaker() -> Any:
    """Answers of SageMaker, held against its service model."""
    answers = Session().create_client("sagemaker", REGION, aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(answers)
    step = {"StepName": "Score", "Metadata": {"ProcessingJob": {"Arn": JOB}}}
    stub.add_response("list_pipeline_execution_steps", {"PipelineExecutionSteps": [step, {"StepName": "BeginRun"}]})
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 30}
    stub.add_response(
        "describe_processing_job",
        {
            "ProcessingJobName": "pipelines-x-score",
            "ProcessingJobArn": JOB,
            "ProcessingJobStatus": "Completed",
            "CreationTime": STARTED,
            "AppSpecification": {"ImageUri": "image"},
            "ProcessingResources": {"ClusterConfig": cluster},
            "ProcessingStartTime": STARTED,
            "ProcessingEndTime": STARTED + timedelta(minutes=6),
        },
    )
    stub.activate()
    return answers


def hold(output: Output, run_id: str, fence: int, generation: int) -> Store:
    """Make an attempt the present one of its run."""
    store = Store(output.s3, Settings.from_environment().state_uri)
    run = ActiveRun(
        fence=fence,
        generation=generation,
        attempt=1,
        scheduled_at=STARTED,
        because=Because.SCHEDULE,
        started_at=STARTED,
        attempt_started_at=STARTED,
    )
    store.update(lambda state: state.with_active(run_id, run))
    return store


@pytest.fixture
def publish(output: Output, told: list[Json]) -> Publish:
    def run(run_id: str, fence: int, *, parts: int = 2, moment: str = "2026-11-23T12:00:00+00:00") -> dict[str, str]:
        generation = Generation(run_id, fence, parts)
        output.score(generation)
        usage = {
            "version": 1,
            "host": "algo-1",
            "instance_type": "ml.m5.large",
            "rows": 6,
            "parts": parts,
            "input_bytes": 100,
            "seconds": 1.5,
            "load_seconds": 0.5,
            "peak_memory_bytes": 1000 + fence,
            "finished": True,
        }
        output.put(f"{output.work_uri(generation)}/usage/usage-algo-1.json", usage)
        hold(output, run_id, fence, fence)
        return publish_run.handler(output.event(generation, fence=fence, scheduled_at=moment), None)

    return run


def figures(request: Json) -> dict[str, float]:
    assert request["Namespace"] == NAMESPACE
    assert all(it["Dimensions"] == [{"Name": "Pipeline", "Value": "demo-weekly"}] for it in request["MetricData"])
    return {it["MetricName"]: it["Value"] for it in request["MetricData"]}


def test_a_run_is_published_told_and_remembered(output: Output, publish: Publish, told: list[Json]) -> None:
    answer = publish(MONDAY, 1)
    assert answer == {"manifest_uri": f"{output.root_uri}/manifests/{MONDAY}.json", "latest": "true"}
    found = figures(told[-1])
    assert found.pop("DurationSeconds") > 0
    cost = 2 * 0.1 * 0.115
    assert found == {"Rows": 6, "SetAsideRows": 2, "CostUSD": pytest.approx(cost)}
    state: State = Store(output.s3, Settings.from_environment().state_uri).read()
    assert state.active[MONDAY].rows == 6
    assert state.active[MONDAY].cost_usd == pytest.approx(cost)
    (usage,) = state.memory["Score"].usage
    assert usage.peak_memory_bytes == 1001


def test_publishing_again_is_remembered_once(output: Output, publish: Publish) -> None:
    publish(MONDAY, 1)
    publish(MONDAY, 1)
    state = Store(output.s3, Settings.from_environment().state_uri).read()
    assert len(state.memory["Score"].usage) == 1


def test_a_run_that_needed_little_memory_shows_that_an_earlier_one_was_killed(output: Output, publish: Publish) -> None:
    store = Store(output.s3, Settings.from_environment().state_uri)
    killed = StepMemory(out_of_memory=(OutOfMemory(1, 32 * GIB),))
    store.update(lambda state: state.with_memory("Score", killed))
    publish(MONDAY, 1)
    assert store.read().memory["Score"].out_of_memory == ()


def test_a_run_is_compared_with_the_latest_of_the_same_model(
    output: Output, publish: Publish, told: list[Json]
) -> None:
    publish(MONDAY, 1, parts=2)
    publish(TUESDAY, 2, parts=3, moment="2026-11-24T12:00:00+00:00")
    assert output.get(f"manifests/{TUESDAY}.json")["compared_with"] == MONDAY
    report = json.loads(output.read(f"s3://{output.bucket}/work/{TUESDAY}/2/publish/report.json"))
    assert report["drift"]["inputs"]["against"] == MONDAY
    assert report["drift"]["predictions"]["psi"]["forecast"] > 0
    assert figures(told[-1])["PredictionDrift"] == report["drift"]["predictions"]["largest"]
    publish(TUESDAY, 3, parts=3, moment="2026-11-24T12:00:00+00:00")
    assert output.get(f"manifests/{TUESDAY}.json")["compared_with"] == MONDAY


def test_an_attempt_that_is_not_the_present_one_publishes_nothing(output: Output, told: list[Json]) -> None:
    generation = Generation(MONDAY, 1, 1)
    output.score(generation)
    hold(output, MONDAY, 2, 2)
    with pytest.raises(StaleFenceError, match=r"^StaleFence: run .* is at fence 2, so fence 1 may do nothing"):
        publish_run.handler(output.event(generation, fence=1, scheduled_at="2026-11-23T12:00:00Z"), None)
    assert not list(output.views())
    assert not told


def test_json_lines_are_published_with_their_part_or_not_at_all(output: Output, told: list[Json]) -> None:
    generation = Generation(MONDAY, 1, 1)
    (sidecar,) = output.score(generation)
    hold(output, MONDAY, 1, 1)
    part = f"{output.output_uri(generation)}/part-00000"
    copy = {"path": "part-00000.jsonl", "bytes": 3}
    output.put(f"{part}.json", {**sidecar, "json_lines": copy})
    event = output.event(generation, fence=1, scheduled_at="2026-11-23T12:00:00Z")
    with pytest.raises(IncompleteRunError, match=r"part-00000\.jsonl is missing"):
        publish_run.handler(event, None)

    output.put(f"{part}.jsonl", b"{}\n")
    publish_run.handler(event, None)

    (file,) = output.get("manifests/" + MONDAY + ".json")["output"]["files"]
    assert file["json_lines"] == copy


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("delete .json", "part-00001.parquet has not been scored"),
        ("delete .parquet", "part-00001.parquet is missing"),
        ("cut", "part-00001.parquet has 4 bytes, not "),
        ("rows", "part-00001.parquet accounts for 2 rows of 3"),
        ("prepared_sha256", "part-00001.parquet was made of other rows than are prepared now"),
    ],
)
def test_an_incomplete_run_publishes_nothing(output: Output, told: list[Json], spoil: str, says: str) -> None:
    generation = Generation(MONDAY, 1, 2)
    sidecars = output.score(generation)
    hold(output, MONDAY, 1, 1)
    part = f"{output.output_uri(generation)}/part-00001"
    if spoil.startswith("delete"):
        key = f"{part}{spoil.removeprefix('delete ')}".removeprefix(f"s3://{output.bucket}/")
        output.s3.delete_object(Bucket=output.bucket, Key=key)
    elif spoil == "cut":
        output.put(f"{part}.parquet", b"torn")
    else:
        output.put(f"{part}.json", {**sidecars[1], spoil: 2})
    with pytest.raises(IncompleteRunError, match=rf"^IncompleteRun: 1 of 2 parts .* {says}.*; nothing was published"):
        publish_run.handler(output.event(generation, fence=1, scheduled_at="2026-11-23T12:00:00Z"), None)
    assert list(output.views()) == []


def test_rows_read_as_athena_reads_them_are_those_of_the_newest_generation_of_each_run(
    output: Output, publish: Publish, tmp_path: Path
) -> None:
    publish(MONDAY, 1, parts=3)
    publish(TUESDAY, 2, parts=1, moment="2026-11-24T12:00:00+00:00")
    publish(MONDAY, 3, parts=2)
    for path in output.paths("published/"):
        _, day, name = path.split("/")
        for number, uri in enumerate(output.read(f"{output.root_uri}/{path}").decode().split()):
            file = tmp_path / day / f"{name}-{number}.parquet"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(output.read(uri))
    table = duckdb.read_parquet(f"{tmp_path}/*/*.parquet", hive_partitioning=True)
    counted = table.aggregate("date::varchar, made_by, count(*)").order("1, 2").fetchall()
    assert counted == [("2026-11-23", f"{MONDAY}/3", 6), ("2026-11-24", f"{TUESDAY}/2", 3)]


def test_quality_looks_at_published_generations_only(output: Output, publish: Publish, told: list[Json]) -> None:
    publish(MONDAY, 1, parts=3)
    publish(MONDAY, 2, parts=1)
    event = {"root_uri": output.root_uri, "plan_uri": f"s3://{output.bucket}/quality/x/plan", "lookback_days": "3650"}
    answer = plan_quality.handler(event, None)
    assert json.loads(output.read(answer["manifest_uri"])) == [
        {"prefix": f"{output.root_uri}/runs/"},
        f"run_id={MONDAY}/2/part-00000.parquet",
    ]
    (run,) = json.loads(output.read(f"{answer['runs_uri']}/runs.json"))["runs"]
    assert (run["run_id"], run["path"]) == (MONDAY, f"run_id={MONDAY}/2")


def test_quality_without_anything_published_says_so(output: Output, told: list[Json]) -> None:
    event = {"root_uri": output.root_uri, "plan_uri": f"s3://{output.bucket}/quality/x/plan", "lookback_days": "7"}
    with pytest.raises(plan_quality.NothingPublishedError, match="NothingPublished: no run of the last 7 days"):
        plan_quality.handler(event, None)


def test_quality_is_told_under_the_name_of_the_measured_pipeline(output: Output, told: list[Json]) -> None:
    uri = f"s3://{output.bucket}/quality/report.json"
    output.put(uri, {"metrics": {"MAE": 2.5, "WAPE": None}, "rows": {"joined": 7}})
    record_quality.handler({"pipeline_name": "demo-weekly", "namespace": NAMESPACE, "report_uri": uri}, None)
    assert figures(told[-1]) == {"QualityMAE": 2.5, "QualityRows": 7}


def test_a_cost_is_not_told_when_the_price_of_one_job_is_unknown() -> None:
    known, unknown = Job("ml.m5.large", 1, 3600), Job("ml.z9.huge", 1, 60)
    assert cost_usd([known], {"ml.m5.large": 0.115}) == pytest.approx(0.115)
    assert cost_usd([known, unknown], {"ml.m5.large": 0.115}) is None
    assert cost_usd([], {"ml.m5.large": 0.115}) is None


def test_profiles_of_parts_merge_to_that_of_the_whole() -> None:
    values = [float(value * value - 50) for value in range(40)]
    parts = [{"x": profile(values[:7])}, {"x": profile(values[7:])}]
    merged = drift.merged_profiles(parts)["x"]
    whole = profile(values)
    assert merged["histogram"] == whole["histogram"]
    assert (merged["min"], merged["max"], merged["mean"]) == (whole["min"], whole["max"], pytest.approx(whole["mean"]))
    assert population_stability_index(whole, merged) == 0.0
