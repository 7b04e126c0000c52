"""`RealtimeEndpoint` from its own template: versions found at deployment, approvals that come into service, and deployments beside them."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack
from botocore.exceptions import ClientError
from sklearn.linear_model import LinearRegression

from mlplatform import BlueGreen, MlProject, RealtimeEndpoint
from tests.local.endpoints.models import BROKEN, SCRIPT, invoke, settled
from tests.local.workbench import IMAGE, Workbench

NAME, ENDPOINT, STACK = "followed", "followed-live", "project-followed"
PATIENCE_SECONDS = 120
AT_ONCE = BlueGreen.all_at_once(bake_minutes=0)


@dataclass(frozen=True)
class Deployed:
    """A project that is deployed again and again."""

    workbench: Workbench
    directory: Path

    def deploy(self, define: Callable[[MlProject], object]) -> None:
        """Create or update the stack of the project as `define` fills it; raises when that fails."""
        assembly = self.directory / str(time.monotonic_ns())
        engine = self.workbench.engine
        synthesizer = DefaultStackSynthesizer(
            file_assets_bucket_name=self.workbench.bucket, generate_bootstrap_version_rule=False
        )
        app = App(outdir=str(assembly), analytics_reporting=False)
        stack = Stack(
            app, STACK, env=Environment(account=engine.account, region=engine.region), synthesizer=synthesizer
        )
        define(MlProject(stack, "Project", name=NAME, owner="team@example.com"))
        app.synth()
        for file in json.loads((assembly / f"{STACK}.assets.json").read_text())["files"].values():
            (destination,) = file["destinations"].values()
            self.workbench.put(destination["objectKey"], (assembly / file["source"]["path"]).read_bytes())
        key = f"{assembly.name}.json"
        self.workbench.put(key, (assembly / f"{STACK}.template.json").read_bytes())
        cloudformation = engine.client("cloudformation")
        change = {
            "StackName": STACK,
            "TemplateURL": f"{cloudformation.meta.endpoint_url}/{self.workbench.bucket}/{key}",
        }
        try:
            cloudformation.update_stack(**change)
        except ClientError as error:
            if "does not exist" in str(error):
                cloudformation.create_stack(**change)
            elif "No updates" not in str(error):
                raise
        self._wait_for_the_stack()

    def _wait_for_the_stack(self) -> None:
        cloudformation = self.workbench.engine.client("cloudformation")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.2)
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [it.get("ResourceStatusReason", "") for it in events if it["ResourceStatus"].endswith("FAILED")]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), reasons

    def register(self, label: str, script: str = SCRIPT) -> None:
        """An approved version that answers with its label."""
        rows = np.arange(10.0).reshape(-1, 1)
        buffer = io.BytesIO()
        joblib.dump(LinearRegression().fit(rows, rows[:, 0] * 2), buffer)
        files: dict[str, str | bytes] = {"model.joblib": buffer.getvalue(), "code/inference.py": script}
        archive = self.workbench.put_archive(f"{label}/model.tar.gz", files)
        program = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        self.workbench.sagemaker.create_model_package(
            ModelPackageGroupName=NAME,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": archive, "Environment": {**program, "LABEL": label}}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )

    def config(self) -> str:
        endpoint = self.workbench.sagemaker.describe_endpoint(EndpointName=ENDPOINT)
        return str(endpoint["EndpointConfigName"])

    def answers(self) -> str:
        """Which version answers."""
        return str(invoke(self.workbench, ENDPOINT)["label"])


def eventually(what: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    found = what()
    while found != expected and time.monotonic() < deadline:
        time.sleep(0.5)
        found = what()
    assert found == expected


@pytest.fixture
def deployed(workbench: Workbench, tmp_path: Path) -> Deployed:
    return Deployed(workbench, tmp_path)


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
        lambda project: live(project, instance_count=2)
    )  # CloudFormation's own again, with the version that is approved.
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

    deployed.deploy(lambda project: None)
    assert models(workbench) == []


def models(workbench: Workbench) -> list[str]:
    """Those that approvals brought."""
    return [it["ModelName"] for it in workbench.sagemaker.list_models(NameContains=ENDPOINT)["Models"]]
