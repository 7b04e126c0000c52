"""The function of the step PublishManifest, on a real S3 emulator."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass
from typing import Any

import publish_manifest
import pytest
from publish_manifest import IncompleteRunError

MODEL = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/7"


@dataclass(frozen=True)
class Output:
    """The output of one pipeline in one bucket."""

    s3: Any
    bucket: str

    def write_run(self, run_id: str, files: dict[str, str]) -> None:
        """What the steps before PublishManifest leave behind."""
        for path, body in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"demo/runs/run_id={run_id}/{path}", Body=body.encode())
        report = {
            "rows": len(files),
            "files": [{"path": path, "rows": 1, "bytes": len(body), "sha256": "0"} for path, body in files.items()],
        }
        self.put(f"work/{run_id}/report.json", report)
        self.put(f"work/{run_id}/input.json", {"uri": "s3://in/", "version": f"input of {run_id}", "objects": []})

    def publish(self, run_id: str, started_at: str) -> dict[str, str]:
        return publish_manifest.handler(
            {
                "pipeline_name": "demo",
                "run_id": run_id,
                "execution_arn": f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo/execution/{run_id}",
                "started_at": started_at,
                "model_package_arn": MODEL,
                "input_record_uri": f"s3://{self.bucket}/work/{run_id}/input.json",
                "report_uri": f"s3://{self.bucket}/work/{run_id}/report.json",
                "output_uri": f"s3://{self.bucket}/demo",
            },
            None,
        )

    def put(self, key: str, content: object) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(content).encode())

    def get(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]


@pytest.fixture
def output(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Output:
    monkeypatch.setattr("boto3.client", lambda service: s3)
    return Output(s3, bucket)


def test_the_manifest_leads_from_model_and_input_versions_to_the_files(output: Output) -> None:
    output.write_run("r1", {"date=2011-12-24/part-00000.parquet": "abc"})
    answer = output.publish("r1", "2026-11-23T03:00:00Z")
    assert answer == {"manifest_uri": f"s3://{output.bucket}/demo/manifests/r1.json", "latest": "true"}
    manifest = output.get("demo/manifests/r1.json")
    assert manifest["model_package_arn"] == MODEL
    assert manifest["input"]["version"] == "input of r1"
    assert manifest["output"]["uri"] == f"s3://{output.bucket}/demo/runs/run_id=r1/"
    assert manifest["output"]["files"][0]["path"] == "date=2011-12-24/part-00000.parquet"
    assert output.get("demo/latest.json") == {
        "run_id": "r1",
        "started_at": "2026-11-23T03:00:00+00:00",
        "manifest_uri": f"s3://{output.bucket}/demo/manifests/r1.json",
        "output_uri": f"s3://{output.bucket}/demo/runs/run_id=r1/",
    }


def test_a_run_that_started_earlier_never_replaces_a_later_one(output: Output) -> None:
    for run_id in ("early", "late"):
        output.write_run(run_id, {"date=2011-12-24/part-00000.parquet": run_id})
    assert output.publish("late", "2026-11-23T04:00:00Z")["latest"] == "true"
    assert output.publish("early", "2026-11-23T03:00:00Z")["latest"] == "false"
    assert output.get("demo/latest.json")["run_id"] == "late"
    assert output.get("demo/manifests/early.json")["run_id"] == "early"


def test_publishing_again_replaces_what_the_same_run_published_and_never_mixes(output: Output) -> None:
    output.write_run("r1", {"date=2011-12-24/part-00000.parquet": "old", "date=2011-12-25/part-00000.parquet": "old"})
    output.publish("r1", "2026-11-23T03:00:00Z")
    output.write_run("r1", {"date=2011-12-24/part-00000.parquet": "newer"})
    output.publish("r1", "2026-11-23T03:00:00Z")
    assert output.keys("demo/runs/run_id=r1/") == ["demo/runs/run_id=r1/date=2011-12-24/part-00000.parquet"]
    assert [found["bytes"] for found in output.get("demo/manifests/r1.json")["output"]["files"]] == [5]


def test_a_run_with_a_missing_file_publishes_nothing(output: Output) -> None:
    output.write_run("r1", {"a.parquet": "abc", "b.parquet": "abc"})
    output.s3.delete_object(Bucket=output.bucket, Key="demo/runs/run_id=r1/a.parquet")
    output.s3.put_object(Bucket=output.bucket, Key="demo/runs/run_id=r1/b.parquet", Body=b"torn off")
    with pytest.raises(IncompleteRunError, match=r"2 of 2 files .* a.parquet is missing; b.parquet has 8 bytes, not 3"):
        output.publish("r1", "2026-11-23T03:00:00Z")
    assert output.keys("demo/manifests/") == output.keys("demo/latest.json") == []


def test_runs_that_publish_at_the_same_moment_leave_the_latest_of_them(output: Output) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    hours = list(range(8))
    random.Random(seed).shuffle(hours)
    for hour in hours:
        output.write_run(f"r{hour}", {"a.parquet": "abc"})
    threads = [
        threading.Thread(target=output.publish, args=(f"r{hour}", f"2026-11-23T{hour:02}:00:00Z")) for hour in hours
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert output.get("demo/latest.json")["run_id"] == "r7"
    assert len(output.keys("demo/manifests/")) == 8


@pytest.mark.parametrize(
    "text", ["2026-11-23T03:00:00Z", "2026-11-23T03:00:00", "2026-11-23T03:00:00+00:00", "1795402800", "1795402800.0"]
)
def test_a_start_time_is_understood_however_it_is_written(text: str) -> None:
    assert publish_manifest.timestamp(text).isoformat() == "2026-11-23T03:00:00+00:00"
