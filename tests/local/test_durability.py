"""What a client was told survives the engine: `kill -9` at a random moment, and stopping in good order."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import mllocal
from mllocal.ports import free_port
from tests.local.workbench import ROLE, Workbench

LAMBDA = "def handler(event, context):\n    return {'doubled': event['n'] * 2}\n"
TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "kept"}}}}


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def test_every_acknowledged_change_is_there_after_a_kill(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    engine = mllocal.up(tmp_path)
    acknowledged: list[str] = []
    writer = threading.Thread(target=_write_until_it_fails, args=(engine, acknowledged))
    writer.start()
    while not acknowledged:
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0.5, 2.0))

    os.kill(engine.pid, signal.SIGKILL)
    writer.join()
    again = mllocal.up(tmp_path)

    try:
        assert acknowledged
        assert [what for what in acknowledged if not _is_there(again, what)] == []
    finally:
        mllocal.down(tmp_path)


def _write_until_it_fails(engine: mllocal.Engine, acknowledged: list[str]) -> None:
    s3, sqs, iam = (engine.client(name) for name in ("s3", "sqs", "iam"))
    sagemaker, kms, logs = engine.client("sagemaker"), engine.client("kms"), engine.client("logs")
    number = 0
    try:
        logs.create_log_group(logGroupName="group")
        while True:
            number += 1
            name = f"n{number:04}"
            s3.create_bucket(Bucket=f"bucket-{name}")
            acknowledged.append(f"bucket {name}")
            s3.put_object(Bucket=f"bucket-{name}", Key="key", Body=name.encode())
            acknowledged.append(f"object {name}")
            sqs.create_queue(QueueName=name)
            acknowledged.append(f"queue {name}")
            iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
            acknowledged.append(f"role {name}")
            sagemaker.create_model_package_group(ModelPackageGroupName=name)
            acknowledged.append(f"group {name}")
            logs.create_log_stream(logGroupName="group", logStreamName=name)
            acknowledged.append(f"stream {name}")
            put_line(engine, "group", name, name)
            acknowledged.append(f"line {name}")
            acknowledged.append(f"key {kms.create_key()['KeyMetadata']['KeyId']}")
    except (BotoCoreError, ClientError):
        return  # the engine is gone: what it acknowledged until now is what counts


def _is_there(engine: mllocal.Engine, what: str) -> bool:
    kind, name = what.split()
    look: dict[str, Any] = {
        "bucket": lambda: engine.client("s3").head_bucket(Bucket=f"bucket-{name}"),
        "object": lambda: engine.client("s3").head_object(Bucket=f"bucket-{name}", Key="key"),
        "queue": lambda: engine.client("sqs").get_queue_url(QueueName=name),
        "role": lambda: engine.client("iam").get_role(RoleName=name),
        "group": lambda: engine.client("sagemaker").describe_model_package_group(ModelPackageGroupName=name),
        "key": lambda: engine.client("kms").describe_key(KeyId=name),
        "stream": lambda: lines_of(engine, "group", name),
        "line": lambda: lines_of(engine, "group", name).index(name),
    }
    try:
        look[kind]()
    except (ClientError, ValueError):
        return False
    return True


def put_line(engine: mllocal.Engine, group: str, stream: str, line: str) -> None:
    event = {"timestamp": int(time.time() * 1000), "message": line}
    engine.client("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def lines_of(engine: mllocal.Engine, group: str, stream: str) -> list[str]:
    answer = engine.client("logs").get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    return [event["message"] for event in answer["events"]]


def test_log_lines_are_there_once_and_in_order_however_the_engines_ended(tmp_path: Path) -> None:
    engine = mllocal.up(tmp_path)
    logs = engine.client("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    lines = ["killed", "killed again: ünïcödé", "ended", "killed at last"]

    for line, how in zip(lines, (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL), strict=True):
        put_line(engine, "group", "stream", line)
        os.kill(engine.pid, how)
        while mllocal.engine(tmp_path) is not None:
            time.sleep(0.05)
        engine = mllocal.up(tmp_path)

    try:
        assert lines_of(engine, "group", "stream") == lines
    finally:
        mllocal.down(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_stacks_functions_objects_and_pipelines_work_after_a_new_start(tmp_path: Path, how: signal.Signals) -> None:
    engine = mllocal.up(tmp_path)
    workbench = Workbench.create(engine, "durable")
    workbench.put("deep/key.txt", "content")
    engine.client("lambda").create_function(
        FunctionName="double",
        Runtime="python3.13",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": zipped(LAMBDA)},
    )
    cloudformation = engine.client("cloudformation")
    cloudformation.create_stack(StackName="kept", TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="kept", WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
    )
    name = workbench.create_pipeline(workbench.json_step("Report", {"n": 1}))

    os.kill(engine.pid, how)
    while mllocal.engine(tmp_path) is not None:
        time.sleep(0.05)
    again = mllocal.up(tmp_path)

    try:
        kept = Workbench(again, workbench.bucket)
        answer = again.client("lambda").invoke(FunctionName="double", Payload=b'{"n": 21}')
        stacks = again.client("cloudformation").describe_stacks(StackName="kept")["Stacks"]
        assert kept.get("deep/key.txt") == "content"
        assert json.loads(answer["Payload"].read()) == {"doubled": 42}
        assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
        assert kept.wait(kept.start(name)).status == "Succeeded"
    finally:
        mllocal.down(tmp_path)


def test_queues_are_found_when_the_engine_has_another_port(tmp_path: Path) -> None:
    """A port that somebody else has taken meanwhile is not had again; functions still hold the old URLs."""
    before = mllocal.up(tmp_path)
    url = before.client("sqs").create_queue(QueueName="work")["QueueUrl"]
    before.client("sqs").send_message(QueueUrl=url, MessageBody="kept")
    mllocal.down(tmp_path)
    after = mllocal.up(tmp_path, port=free_port())
    try:
        sqs = after.client("sqs")
        assert sqs.list_queues()["QueueUrls"] == [sqs.get_queue_url(QueueName="work")["QueueUrl"]] != [url]
        assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["kept"]
    finally:
        mllocal.down(tmp_path)
