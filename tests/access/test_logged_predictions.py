"""Lines of a prediction log get from the API's function into the project's bucket under the boundary, and no other way."""

from __future__ import annotations

import pytest

from tests.access.evaluator import Resource, decide
from tests.access.world import World

OWNER, OTHER = "demand", "demandplus"


def stream(world: World, project: str, endpoint: str) -> Resource:
    (found,) = (it for it in world.resources[project]["prediction stream"] if f"-{endpoint}-" in it.arn)
    return found


@pytest.mark.parametrize("endpoint", ["live", "shared"])
def test_the_function_puts_lines_into_its_own_stream_and_no_other(world: World, endpoint: str) -> None:
    function = world.roles[OWNER][f"{endpoint} api function"]
    reached = {
        (project, other)
        for project in (OWNER, OTHER)
        for other in ("live", "shared")
        if decide(function, "firehose:PutRecord", stream(world, project, other))
    }
    assert reached == {(OWNER, endpoint)}


def test_the_stream_writes_encrypted_below_its_endpoints_prefix_and_reads_nothing(world: World) -> None:
    role = world.roles[OWNER]["live api predictions"]
    bucket = next(it for it in world.resources[OWNER]["artifacts bucket"])

    def allows(action: str, key: str) -> bool:
        return bool(decide(role, action, Resource(arn=f"{bucket.arn}/{key}", policy=bucket.policy)))

    own = "logs/predictions/demand-live/2026/11/30/17/lines.jsonl"
    assert allows("s3:PutObject", own)
    assert not allows("s3:GetObject", own)
    assert not allows("s3:PutObject", "logs/predictions/demand-shared/2026/11/30/17/lines.jsonl")
    assert not allows("s3:PutObject", "demand-training/model.tar.gz")
    (key,) = world.resources[OWNER]["key"]
    assert decide(role, "kms:GenerateDataKey", key)
    assert decide(role, "logs:PutLogEvents", Resource(arn=_errors(world)))


def _errors(world: World) -> str:
    stack = f"mlp-dev-project-{OWNER}"
    (group,) = (
        world.account.arn(stack, logical_id)
        for logical_id, properties in world.account.find("AWS::Logs::LogGroup", stack)
        if properties["LogGroupName"] == "/aws/kinesisfirehose/demand-live-predictions"
    )
    return group


def test_whoever_may_read_the_bucket_reads_the_lines(world: World) -> None:
    bucket = next(it for it in world.resources[OWNER]["artifacts bucket"])
    line = Resource(arn=f"{bucket.arn}/logs/predictions/demand-live/x.jsonl", policy=bucket.policy)
    readers = {
        name
        for name in ("data scientist", "deploy", "auditor")
        if decide(world.roles[OWNER][name], "s3:GetObject", line)
    }
    assert readers == {"data scientist", "deploy"}
    assert not decide(world.roles[OTHER]["data scientist"], "s3:GetObject", line)
