"""`AsyncEndpoint` from its own template: a policy with a calendar, to zero and back by a request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlplatform import AsyncEndpoint
from mlscaling import Event, by_backlog
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.test_components import instances, wait_until
from tests.local.workbench import Workbench

CLOSING = Event(name="closing", at=datetime.now(UTC) + timedelta(days=30), capacity=2)
POLICY = replace(by_backlog(maximum=2, backlog_per_instance=5), calendar=(CLOSING,))


def test_a_policy_with_a_calendar_goes_to_zero_and_wakes_for_a_request(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path, "queued")
    deployed.deploy(lambda project: None)
    deployed.register("first")
    deployed.deploy(lambda project: AsyncEndpoint(project, "Live", scaling=POLICY))
    wait_until(lambda: instances(fast, deployed.endpoint) == 0)
    accepted = fast.engine.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=deployed.endpoint, InputLocation=fast.put("payload.csv", "21"), ContentType="text/csv"
    )
    bucket, _, key = accepted["OutputLocation"].removeprefix("s3://").partition("/")
    s3 = fast.engine.client("s3")
    wait_until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 1)
    answer = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    planned = fast.engine.client("application-autoscaling").describe_scheduled_actions(ServiceNamespace="sagemaker")
    deployed.deploy(lambda project: None)

    assert b'"first"' in answer
    assert [it["ScalableTargetAction"]["MinCapacity"] for it in planned["ScheduledActions"]] == [2, 0]
