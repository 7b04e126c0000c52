"""A project with an endpoint, synthesized and deployed to an engine without the CDK CLI."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack
from botocore.exceptions import ClientError
from sklearn.linear_model import LinearRegression

from mlplatform import MlProject
from tests.local.endpoints.models import SCRIPT, invoke
from tests.local.workbench import IMAGE, Workbench

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Deployed:
    """A project that is deployed again and again."""

    workbench: Workbench
    directory: Path
    name: str

    @property
    def stack(self) -> str:
        return f"project-{self.name}"

    @property
    def endpoint(self) -> str:
        """The endpoint that projects of these tests call Live."""
        return f"{self.name}-live"

    def deploy(self, define: Callable[[MlProject], object]) -> None:
        """Create or update the stack of the project as `define` fills it; raises when that fails."""
        assembly = self.directory / str(time.monotonic_ns())
        engine = self.workbench.engine
        synthesizer = DefaultStackSynthesizer(
            file_assets_bucket_name=self.workbench.bucket, generate_bootstrap_version_rule=False
        )
        app = App(outdir=str(assembly), analytics_reporting=False)
        stack = Stack(
            app, self.stack, env=Environment(account=engine.account, region=engine.region), synthesizer=synthesizer
        )
        define(MlProject(stack, "Project", name=self.name, owner="team@example.com"))
        app.synth()
        for file in json.loads((assembly / f"{self.stack}.assets.json").read_text())["files"].values():
            (destination,) = file["destinations"].values()
            self.workbench.put(destination["objectKey"], (assembly / file["source"]["path"]).read_bytes())
        key = f"{assembly.name}.json"
        self.workbench.put(key, (assembly / f"{self.stack}.template.json").read_bytes())
        cloudformation = engine.client("cloudformation")
        change = {
            "StackName": self.stack,
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
            (stack,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.2)
        events = cloudformation.describe_stack_events(StackName=self.stack)["StackEvents"]
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
            ModelPackageGroupName=self.name,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": archive, "Environment": {**program, "LABEL": label}}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )

    def config(self) -> str:
        endpoint = self.workbench.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return str(endpoint["EndpointConfigName"])

    def answers(self) -> str:
        """Which version answers."""
        return str(invoke(self.workbench, self.endpoint)["label"])
