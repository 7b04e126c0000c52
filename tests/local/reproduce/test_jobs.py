"""Jobs and model versions run again from their records, in an engine of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

from mlp.reproduce.jobs import Jobs
from mlp.reproduce.judge import Judge
from mlp.reproduce.pinned import Pins
from mlp.reproduce.places import NewPrefix
from mlp.target import at_endpoint
from mlrecords.codec import from_json
from mlrecords.observations import Observation
from mlrecords.sending import DETAIL_TYPE, SOURCE
from mlrecords.store import RecordStore
from tests.local.reproduce.chain import Chain
from tests.local.workbench import Workbench


def test_one_command_reproduces_a_model_and_after_one_changed_byte_says_data(
    workbench: Workbench, store: RecordStore, tmp_path: Path
) -> None:
    chain = Chain.create(workbench)
    parent = chain.run()
    queue = _queue_of_observations(workbench)
    command = [str(Path(sys.executable).with_name("mlp")), "reproduce", f"{chain.name}/1", "--json"]
    endpoint = ["--endpoint-url", workbench.engine.endpoint_url]

    first = subprocess.run([*command, *endpoint], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert first.returncode == 0, first.stdout + first.stderr
    report = json.loads(first.stdout)
    assert (report["verdict"], report["runs"], len(report["jobs"])) == ("reproduced", 1, 3)
    compared = {metric["name"] for metric in report["metrics"]}
    assert compared == {"train/validation:rmse", "evaluate/output/evaluation.json: regression_metrics.mean.value"}
    child = chain.records.store.observe([_observation(workbench, queue)]).record
    assert child is not None
    assert child["identity"]["kind"] == "reproduction"
    assert child["parents"][parent]["relation"] == "reproduces"
    assert json.loads(chain.records.store.blob(child["outputs"]["report.json"]["version"]))["verdict"] == "reproduced"

    workbench.put("raw/rows.csv", "1\n2\n4\n")
    second = subprocess.run([*command, *endpoint], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert second.returncode == 1
    assert json.loads(second.stdout)["verdict"] == "not reproduced: data"
    assert "raw/rows.csv) was overwritten since" in json.loads(second.stdout)["sentences"][0]


def test_on_aws_the_same_jobs_run_under_a_new_prefix(workbench: Workbench, tmp_path: Path) -> None:
    """The way they run on AWS, against the engine that recorded them."""
    chain = Chain.create(workbench)
    chain.train(seed=7)
    record = chain.records.store.record(chain.record("training", "train"))
    target = at_endpoint(workbench.engine.endpoint_url)
    prefix, suffix = workbench.uri("reproductions/1"), uuid.uuid4().hex[:6]
    jobs = Jobs(
        records=(record,),
        pins=Pins(chain.records.store, target.client("s3")),
        place=lambda number: NewPrefix(target, prefix, f"{suffix}-{number}", frozenset({record.identity.name})),
        ecr=target.client("ecr"),
    )
    before = set(workbench.keys())

    verdict = Judge(subject=jobs).verdict()

    assert verdict.title == "reproduced", verdict
    assert {key.split("/")[0] for key in set(workbench.keys()) - before} == {"reproductions"}


def _queue_of_observations(workbench: Workbench) -> str:
    sqs, events = workbench.engine.client("sqs"), workbench.engine.client("events")
    url: str = sqs.create_queue(QueueName=workbench.bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": [SOURCE], "detail-type": [DETAIL_TYPE]})
    events.put_rule(Name=workbench.bucket, EventPattern=pattern)
    events.put_targets(Rule=workbench.bucket, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _observation(workbench: Workbench, queue: str) -> Observation:
    (message,) = workbench.engine.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    return from_json(Observation, json.loads(message["Body"])["detail"], "the observation")
