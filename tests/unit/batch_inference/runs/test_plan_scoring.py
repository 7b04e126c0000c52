"""The step PlanScoring, on a real S3 emulator; and the plan itself, without."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attempts.failures import Failure, FailureKind
from mlscaling.jobs.ladder import GIB, Ladder, OutOfMemory, Rung, StepMemory, Usage
from runs import plan_scoring
from runs.plan_scoring import LadderExhaustedError, Plan, instances_for, plan_of
from runs.state import ActiveRun, Because, State, encode

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
RUN_ID = "2026-11-24T060000Z"
MB = 10**6
LADDER = Ladder(
    (Rung("ml.m5.large", 8, 2, 0.115), Rung("ml.m5.xlarge", 16, 4, 0.23), Rung("ml.m5.2xlarge", 32, 8, 0.461)),
    max_instances=4,
)


def parts(count: int, size: int = 10 * MB) -> dict[str, int]:
    return {f"part-{number:05}.parquet": size for number in range(count)}


def usage(seconds: float, input_bytes: int, *, peak: int = GIB, instance_type: str = "ml.m5.large") -> Usage:
    return Usage(instance_type, 1000, input_bytes, seconds, peak)


def plan(
    pending: int,
    *records: Usage,
    of: int | None = None,
    size: int = 10 * MB,
    max_runtime_seconds: int = 86400,
    out_of_memory: tuple[OutOfMemory, ...] = (),
) -> Plan:
    prepared = parts(pending if of is None else of, size)
    todo = dict(list(prepared.items())[len(prepared) - pending :])
    memory = StepMemory(usage=records, out_of_memory=out_of_memory)
    return plan_of(LADDER, memory, prepared, todo, max_runtime_seconds, NOW)


def test_few_parts_get_one_small_instance() -> None:
    made = plan(3)

    assert (made.choice.instance_type, made.instance_count, made.parts_left) == ("ml.m5.large", 1, False)
    assert made.parts == tuple(parts(3))


def test_work_for_hours_gets_several_instances_within_the_limit() -> None:
    an_hour_each = usage(3600, 10 * MB)

    assert plan(2, an_hour_each).instance_count == 2
    assert plan(100, an_hour_each).instance_count == 4


def test_no_instance_is_idle() -> None:
    """Five parts on four instances take as long as on three."""
    assert plan(5, usage(3600, 10 * MB)).instance_count == 3


def test_only_as_many_parts_as_fit_into_the_time_that_a_job_has() -> None:
    made = plan(100, usage(1000, 10 * MB), max_runtime_seconds=10_000)

    assert made.instance_count == 4
    assert made.parts == tuple(parts(28))  # 7,000 s for each instance
    assert made.parts_left


def test_a_part_that_takes_longer_than_a_job_may_is_tried_all_the_same() -> None:
    made = plan(9, usage(10_000, 10 * MB), max_runtime_seconds=3600)

    assert (made.instance_count, len(made.parts), made.parts_left) == (4, 4, True)


def test_the_first_run_is_not_cut_by_a_guess() -> None:
    made = plan(100, size=10**9, max_runtime_seconds=3600)

    assert (len(made.parts), made.parts_left) == (100, False)


def test_memory_follows_from_the_largest_part_not_from_all_of_them() -> None:
    many_at_2_gib = [usage(60, 100 * 10 * MB, peak=2 * GIB)] * 5

    assert plan(1000, *many_at_2_gib).choice.instance_type == "ml.m5.large"


def test_running_out_of_memory_is_remembered_when_most_parts_are_done() -> None:
    failed = OutOfMemory(10 * MB, 8 * GIB)

    assert plan(1, of=100, out_of_memory=(failed,)).choice.instance_type == "ml.m5.xlarge"


def test_with_nothing_pending_the_last_part_is_scored_again() -> None:
    made = plan(0, of=3)

    assert (made.parts, made.instance_count, made.parts_left) == (("part-00002.parquet",), 1, False)


def test_the_volume_holds_the_largest_share() -> None:
    assert plan(1, size=MB).volume_gb == 11
    assert plan(8, size=10**9).volume_gb == 10 + 3 * 3  # 2,400 s guessed for all: three instances, three parts at most


def test_a_type_with_fewer_cores_may_take_longer() -> None:
    big = usage(10, 10 * MB, instance_type="ml.m5.2xlarge")

    assert plan_scoring.seconds_per_byte(LADDER, [big], "ml.m5.large") == pytest.approx(4e-6)
    assert plan_scoring.seconds_per_byte(LADDER, [big], "ml.m5.2xlarge") == pytest.approx(1e-6)
    assert plan_scoring.seconds_per_byte(LADDER, [], "ml.m5.large") is None


@given(st.integers(1, 500), st.floats(0.01, 10**5), st.integers(1, 20), st.integers(1, 500))
def test_every_instance_has_parts(count: int, seconds: float, most: int, in_time: int) -> None:
    instances = instances_for(count, seconds, most, in_time)

    assert 1 <= instances <= min(most, count)
    longest = min(-(-count // instances), in_time)
    assert (instances - 1) * longest < count


@dataclass(frozen=True)
class Run:
    """A run's files in one bucket, and the handler's environment."""

    s3: Any
    bucket: str

    @property
    def event(self) -> dict[str, str]:
        return {
            "work_uri": f"s3://{self.bucket}/demo/runs/{RUN_ID}/7",
            "output_uri": f"s3://{self.bucket}/out/demo/runs/run_id={RUN_ID}/7",
            "run_id": RUN_ID,
        }

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def prepare(self, count: int, size: int = 100, *, code: str = "1") -> None:
        """As one version of the team's code does."""
        prepared = [{"part": name, "rows": 3, "bytes": size, "sha256": f"{name} {code}"} for name in parts(count, size)]
        self.put(f"demo/runs/{RUN_ID}/7/prepare-report/report.json", json.dumps({"parts": prepared}).encode())

    def score(self, *numbers: int, sidecar: bool = True, code: str = "1") -> None:
        for number in numbers:
            name = f"part-{number:05}.parquet"
            self.put(f"out/demo/runs/run_id={RUN_ID}/7/{name}", b"y")
            if sidecar:
                said = {"prepared_sha256": f"{name} {code}", "bytes": 1, "rows": 2, "set_aside": 1}
                key = f"out/demo/runs/run_id={RUN_ID}/7/part-{number:05}.json"
                self.put(key, json.dumps(said).encode())

    def remember(self, memory: StepMemory, *, failure: Failure | None = None) -> None:
        active = ActiveRun(7, 7, 1 if failure is None else 2, NOW, Because.SCHEDULE, NOW, NOW, failure=failure)
        state = State(created_at=NOW, fence=7, active={RUN_ID: active}).with_memory("Score", memory)
        self.put("run-state/demo.json", encode(state))

    def read(self, name: str) -> Any:
        key = f"demo/runs/{RUN_ID}/7/{name}"
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def plan(self) -> dict[str, Any]:
        return plan_scoring.handler(self.event, None)


@pytest.fixture
def run(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("boto3.client", lambda service: s3)
    ladder = {"rungs": [vars(rung) for rung in LADDER.rungs], "max_instances": 4, "memory_safety": 1.1}
    environment = {
        "pipeline_name": "demo",
        "pipeline_arn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo",
        "state_uri": f"s3://{bucket}/run-state/demo.json",
        "root_uri": f"s3://{bucket}/out/demo",
        "work_root_uri": f"s3://{bucket}/demo/runs",
        "region": "us-east-1",
        "ladder": ladder,
        "max_runtime_seconds": 3600,
    }
    monkeypatch.setenv("RUNS", json.dumps(environment))
    return Run(s3, bucket)


def test_the_manifest_names_the_parts_without_a_sidecar(run: Run) -> None:
    run.prepare(5)
    run.score(0, 2)
    run.score(3, sidecar=False)

    answer = run.plan()

    assert answer == {
        "manifest_uri": f"{run.event['work_uri']}/plan/manifest.json",
        "instance_type": "ml.m5.large",
        "instance_count": 1,
        "volume_gb": 11,
        "parts_left": "false",
        "input_bytes": "100",
    }
    assert run.read("plan/manifest.json") == [
        {"prefix": f"{run.event['work_uri']}/prepared/"},
        "part-00001.parquet",
        "part-00003.parquet",
        "part-00004.parquet",
    ]
    assert "guessed" in run.read("plan/plan.json")["choice"]["reason"]


def test_what_earlier_runs_needed_decides(run: Run) -> None:
    run.prepare(2)
    run.remember(StepMemory(usage=(usage(10, 200, peak=12 * GIB),)))

    assert run.plan()["instance_type"] == "ml.m5.xlarge"


def test_what_this_run_needed_so_far_decides_too(run: Run) -> None:
    run.prepare(100)
    record = {"version": 1, "host": "algo-1", "instance_type": "ml.m5.large", "rows": 9, "parts": 1, "finished": False}
    record |= {"input_bytes": 100, "seconds": 630.0, "peak_memory_bytes": 12 * GIB}
    run.put(f"demo/runs/{RUN_ID}/7/usage/usage-algo-1.json", json.dumps(record).encode())

    answer = run.plan()

    assert (answer["instance_type"], answer["instance_count"], answer["parts_left"]) == ("ml.m5.xlarge", 4, "true")
    assert len(run.read("plan/manifest.json")) == 1 + 4 * 4


def test_a_type_without_capacity_is_left_out_for_a_while(run: Run) -> None:
    run.prepare(1)
    run.remember(StepMemory(no_capacity={"ml.m5.large": datetime.now(UTC) + timedelta(hours=1)}))

    assert run.plan()["instance_type"] == "ml.m5.xlarge"


def test_a_part_that_was_made_of_what_other_code_prepared_is_scored_again(run: Run) -> None:
    run.prepare(4, code="2")
    run.score(0, 1, 2)
    run.score(1, code="2")

    run.plan()

    assert run.read("plan/manifest.json")[1:] == ["part-00000.parquet", "part-00002.parquet", "part-00003.parquet"]


def test_parts_that_newer_code_prepares_no_more_are_not_scored(run: Run) -> None:
    run.prepare(3)
    run.score(2)
    run.prepare(2, code="2")

    run.plan()

    assert run.read("plan/manifest.json")[1:] == ["part-00000.parquet", "part-00001.parquet"]


def test_the_end_of_the_ladder_is_tried_once_a_run(run: Run) -> None:
    run.prepare(1)
    memory = StepMemory(out_of_memory=(OutOfMemory(100, 32 * GIB),))
    run.remember(memory)

    assert run.plan()["instance_type"] == "ml.m5.2xlarge"

    run.remember(memory, failure=Failure(FailureKind.INTERRUPTED, "Score", "stopped"))
    assert run.plan()["instance_type"] == "ml.m5.2xlarge"

    run.remember(memory, failure=Failure(FailureKind.OUT_OF_MEMORY, "Score", "MemoryError"))
    with pytest.raises(LadderExhaustedError, match=r"ran out of memory on ml.m5.2xlarge \(32 GiB\)"):
        run.plan()
