"""The platform's own templates on the embedded AWS, deployed by the CDK CLI, and people who work there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local.workbench import Execution, Workbench

REPOSITORY = Path(__file__).parents[2]
CDK = REPOSITORY / "node_modules" / ".bin" / "cdk"
PROJECT_STACK = "mlp-dev-project-demand-forecast"
TRAINING, FORECAST = "demand-forecast-training", "demand-forecast-weekly-forecast"


@dataclass(frozen=True)
class Deployment:
    """The dev environment, synthesized and deployed to the session's engine."""

    workbench: Workbench
    assembly: Path

    def cdk(self, *arguments: str) -> str:
        """Run the CDK CLI on what was synthesized; it must succeed."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [str(CDK), *arguments, "--app", str(self.assembly), "--no-notices", "--ci"],
            env={
                **os.environ,
                **self.workbench.engine.environment(),
                "PATH": path,
                "CDK_DISABLE_CLI_TELEMETRY": "true",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    def resource(self, resource_type: str, part_of_logical_id: str = "") -> str:
        """The physical id of the one resource of a type whose logical id has a part."""
        cloudformation = self.workbench.engine.client("cloudformation")
        found = [
            summary["PhysicalResourceId"]
            for summary in cloudformation.list_stack_resources(StackName=PROJECT_STACK)["StackResourceSummaries"]
            if summary["ResourceType"] == resource_type and part_of_logical_id in summary["LogicalResourceId"]
        ]
        assert len(found) == 1, found
        physical_id: str = found[0]
        return physical_id

    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads((self.assembly / f"{PROJECT_STACK}.template.json").read_text())
        return template

    def definition(self, pipeline: str) -> dict[str, Any]:
        described = self.workbench.sagemaker.describe_pipeline(PipelineName=pipeline)
        definition: dict[str, Any] = json.loads(described["PipelineDefinition"])
        return definition

    def upload(self, key: str, content: bytes) -> None:
        bucket = self.resource("AWS::S3::Bucket", "ProjectData")
        self.workbench.engine.client("s3").put_object(Bucket=bucket, Key=key, Body=content)

    def read(self, uri: str) -> bytes:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body: bytes = self.workbench.engine.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def run(self, pipeline: str, **parameters: str) -> Execution:
        return self.workbench.wait(self.workbench.start(pipeline, **parameters))

    def forecast(self) -> Execution:
        """Run the forecast to its end; then wait until its controller knows, since runs that meet wait for each other."""
        execution = self.run(FORECAST)
        state_uri = f"s3://{self.resource('AWS::S3::Bucket', 'ProjectArtifacts')}/run-state/{FORECAST}.json"
        deadline = time.monotonic() + 60
        while json.loads(self.read(state_uri))["active"]:
            assert time.monotonic() < deadline
            self.workbench.engine.client("lambda").invoke(
                FunctionName=f"{FORECAST}-controller", Payload=b'{"tick": true}'
            )
        return execution

    def versions(self) -> list[dict[str, Any]]:
        answer = self.workbench.sagemaker.list_model_packages(ModelPackageGroupName="demand-forecast")
        versions: list[dict[str, Any]] = answer["ModelPackageSummaryList"]
        return versions

    def executions(self, pipeline: str) -> list[dict[str, Any]]:
        answer = self.workbench.sagemaker.list_pipeline_executions(PipelineName=pipeline)
        executions: list[dict[str, Any]] = answer["PipelineExecutionSummaries"]
        return executions

    def put_people_to_work(self) -> dict[str, Any]:
        """Start apps in the shared space, in one's own, and of a profile made by hand; the domain, when they run."""
        sagemaker = self.workbench.sagemaker
        (domain_id,) = (
            it["DomainId"] for it in sagemaker.list_domains()["Domains"] if it["DomainName"] == "mlp-studio"
        )
        domain = {"DomainId": domain_id}
        sagemaker.create_space(
            **domain,
            SpaceName="demand-forecast-notes",
            OwnershipSettings={"OwnerUserProfileName": "demand-forecast-ben-okafor"},
            SpaceSharingSettings={"SharingType": "Private"},
            SpaceSettings={"AppType": "CodeEditor"},
        )
        sagemaker.create_user_profile(**domain, UserProfileName="by-hand")
        for owner, app in (
            ({"SpaceName": "demand-forecast-aiko-tanaka-shared"}, "JupyterLab"),
            ({"SpaceName": "demand-forecast-notes"}, "CodeEditor"),
            ({"UserProfileName": "by-hand"}, "JupyterServer"),
        ):
            sagemaker.create_app(**domain, **owner, AppType=app, AppName="default")
        deadline = time.monotonic() + 30
        while {app["Status"] for app in sagemaker.list_apps(DomainIdEquals=domain_id)["Apps"]} != {"InService"}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        described: dict[str, Any] = sagemaker.describe_domain(**domain)
        return described
