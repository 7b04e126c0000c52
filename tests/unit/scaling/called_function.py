"""The function of the floor called as its schedule does, from the archive that is deployed; and what it finds and leaves in AWS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from tests.unit.pipeline.synthesis import Json, Synthesized, flat
from tests.unit.scaling.simulated_autoscaling import SimulatedAutoScaling, served
from tests.unit.servers import ACCOUNT, REGION


def function(template: Synthesized) -> Json:
    (found,) = [
        one
        for one in template.resources("AWS::Lambda::Function").values()
        if one["FunctionName"].endswith("-AllTraffic-floor")
    ]
    return found


def sent_to(template: Synthesized) -> str:
    """What its schedule sends the function; a bucket is called as in the template."""
    (found,) = [
        one
        for one in template.resources("AWS::Scheduler::Schedule").values()
        if one["Name"].endswith("-AllTraffic-floor")
    ]
    return re.sub(r"<(\w+)>", lambda reference: reference[1].lower(), flat(found["Target"]["Input"]))


def called(template: Synthesized, simulated: SimulatedAutoScaling, aws_url: str, directory: Path) -> Json:
    """The answer of the archive that is deployed, called as its schedule does, with boto3 alone."""
    archive = template.directory / f"asset.{flat(function(template)['Code']['S3Key'])}"
    script = directory / "call.py"
    script.write_text(
        f"import sys; sys.path[:] = [{str(archive)!r}, *{_standard_library_and_boto3()!r}]\n"
        "import json, set_floor\n"
        f"print(json.dumps(set_floor.handler(json.loads({sent_to(template)!r}), None)))\n"
        "sys.exit('numpy' in sys.modules)\n"
    )
    with served(simulated) as autoscaling_url:
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": autoscaling_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }
        called = subprocess.run(
            [sys.executable, "-I", str(script)], env=environment, check=True, capture_output=True, text=True
        )
    answer: Json = json.loads(called.stdout)
    return answer


def _standard_library_and_boto3() -> list[str]:
    packages = str(Path(boto3.__file__).parents[1])
    return [*(path for path in sys.path if "python3" in path and "site-packages" not in path), packages]


def count_invocations(
    cloudwatch: Any, now: datetime, *, per_interval: float, endpoint_name: str = "quotes", rush: float = 10
) -> None:
    """Of the last three days, and ten times as many around this time yesterday."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint_name}, {"Name": "VariantName", "Value": "AllTraffic"}]
    data = [
        {
            "MetricName": "Invocations",
            "Dimensions": dimensions,
            "Timestamp": now - timedelta(minutes=5 * place),
            "Value": per_interval * (rush if abs(place - 288) < 36 else 1),
        }
        for place in range(1, 3 * 288)
    ]
    for first in range(0, len(data), 200):
        cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=data[first : first + 200])


def put_forecast(s3: Any, bucket: str, now: datetime, *, pipeline: str, per_hour: float) -> None:
    """What docs/batch-inference.md says of a run of a pipeline, for the hours to come."""
    hours = [now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hour) for hour in range(6)]
    lines = "".join(json.dumps({"hour": str(hour.replace(tzinfo=None)), "expected": per_hour}) + "\n" for hour in hours)
    run = f"{pipeline}/runs/run_id=one/1"
    copy = {"path": "part-00000.jsonl", "bytes": len(lines)}
    files = [{"path": "part-00000.parquet", "rows": 6, "bytes": 1, "sha256": "", "json_lines": copy}]
    output = {"uri": f"s3://{bucket}/{run}/", "rows": 6, "files": files}
    for key, body in (
        (f"{run}/part-00000.jsonl", lines),
        (f"{run}/manifest.json", json.dumps({"published_at": now.isoformat(timespec="seconds"), "output": output})),
        (f"{pipeline}/latest.json", json.dumps({"manifest_uri": f"s3://{bucket}/{run}/manifest.json"})),
    ):
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())


def fallbacks(cloudwatch: Any, since: datetime) -> tuple[int, int]:
    """Of how many calls the quantile had to do, and how many there were."""
    dimensions = [{"Name": "Target", "Value": "endpoint/quotes/variant/AllTraffic"}]
    found = cloudwatch.get_metric_statistics(
        Namespace="MLPlatform/Scaling",
        MetricName="ForecastFallbacks",
        Dimensions=dimensions,
        StartTime=since - timedelta(minutes=1),
        EndTime=since + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    told, calls = (round(sum(one[name] for one in found)) for name in ("Sum", "SampleCount"))
    return told, calls
