"""`RealtimeEndpoint` from its own template: versions found at deployment, approvals that come into service, and deployments beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplatform import BlueGreen, MlProject, RealtimeEndpoint
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.models import BROKEN, settled
from tests.local.workbench import Workbench

NAME, ENDPOINT = "followed", "followed-live"
PATIENCE_SECONDS = 120
AT_ONCE = BlueGreen.all_at_once(bake_minutes=0)


def eventually(what: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    found = what()
    while found != expected and time.monotonic() < deadline:
        time.sleep(0.5)
        found = what()
    assert found == expected


@pytest.fixture
def deployed(workbench: Workbench, tmp_path: Path) -> Deployed:
    return Deployed(workbench, tmp_path, NAME)


def live(project: MlProject, **options: Any) -> None:
    RealtimeEndpoint(project, "Live", deployment=AT_ONCE, follow_approvals=True, **options)


def test_deployments_and_approvals_do_not_take_each_other_back(deployed: Deployed) -> None:
    workbench = deployed.workbench
    deployed.deploy(lambda project: None)
    with pytest.raises(AssertionError, match="NoApprovedModel: model package group 'followed' has no version"):
        deployed.deploy(live)

    deployed.register("one")
    deployed.deploy(live)
    assert deployed.answers() == "one"

    deployed.register("two")
    eventually(deployed.answers, "two")
    assert deployed.config().startswith(f"{ENDPOINT}-v2-")

    deployed.deploy(live)  # Nothing about the endpoint, so that it is left alone.
    assert deployed.config().startswith(f"{ENDPOINT}-v2-")

    deployed.deploy(
        lambda project: live(project, instance_count=2, max_queued_requests=8)
    )  # CloudFormation's own again, with the version that is approved.
    assert environment(deployed) == {"GUNICORN_CMD_ARGS": "--backlog=8"}
    assert not deployed.config().startswith(ENDPOINT)
    assert deployed.answers() == "two"
    (variant,) = settled(workbench, ENDPOINT)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2

    deployed.register("three", BROKEN)
    eventually(lambda: any("-v3-" in it for it in models(workbench)), True)
    eventually(lambda: any("-v3-" in it for it in models(workbench)), False)  # Told that it was rolled back.
    assert deployed.answers() == "two"

    deployed.register("four")
    eventually(deployed.answers, "four")
    assert deployed.config().startswith(f"{ENDPOINT}-v4-")
    assert environment(deployed) == {"GUNICORN_CMD_ARGS": "--backlog=8"}

    deployed.deploy(lambda project: None)
    assert models(workbench) == []


def environment(deployed: Deployed) -> dict[str, str]:
    """What the model that is served adds to its version's variables."""
    sagemaker = deployed.workbench.sagemaker
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=deployed.config())["ProductionVariants"]
    found: dict[str, str] = sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["Environment"]
    return found


def models(workbench: Workbench) -> list[str]:
    """Those that approvals brought."""
    return [it["ModelName"] for it in workbench.sagemaker.list_models(NameContains=ENDPOINT)["Models"]]
