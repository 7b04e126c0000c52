"""A project's own template on the embedded AWS, as `cdk deploy` would leave it there, without the CDK CLI."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack

from mlplatform import MlProject
from tests.local.workbench import Workbench


@dataclass(frozen=True)
class DeployedProject:
    """The stack of one project; its assets are in the workbench's bucket."""

    workbench: Workbench
    stack_name: str

    @cached_property
    def data_bucket(self) -> str:
        """The name of the project's data bucket."""
        resources = self.workbench.engine.client("cloudformation").describe_stack_resources(StackName=self.stack_name)
        (bucket,) = (
            str(found["PhysicalResourceId"])
            for found in resources["StackResources"]
            if found["LogicalResourceId"].startswith("ProjectData") and found["ResourceType"] == "AWS::S3::Bucket"
        )
        return bucket

    def put(self, key: str, content: str) -> str:
        """Put an object into the data bucket; its URI."""
        self.workbench.engine.client("s3").put_object(Bucket=self.data_bucket, Key=key, Body=content.encode())
        return f"s3://{self.data_bucket}/{key}"


def deploy(workbench: Workbench, assembly: Path, name: str, define: Callable[[MlProject], object]) -> DeployedProject:
    """Synthesize the project `name`, which `define` fills, into an empty directory, and deploy it."""
    stack_name = f"project-{name}"

    def build(stack: Stack) -> None:
        define(MlProject(stack, "Project", name=name, owner="team@example.com"))

    deploy_stack(workbench, assembly, stack_name, build)
    return DeployedProject(workbench, stack_name)


def deploy_stack(workbench: Workbench, assembly: Path, stack_name: str, build: Callable[[Stack], object]) -> None:
    """Synthesize a stack, which `build` fills, into an empty directory, and deploy it; its assets go to the workbench's bucket."""
    app = App(outdir=str(assembly), analytics_reporting=False)
    stack = Stack(
        app,
        stack_name,
        env=Environment(account=workbench.engine.account, region=workbench.engine.region),
        synthesizer=DefaultStackSynthesizer(
            file_assets_bucket_name=workbench.bucket, generate_bootstrap_version_rule=False
        ),
    )
    build(stack)
    app.synth()
    for file in json.loads((assembly / f"{stack_name}.assets.json").read_text())["files"].values():
        (destination,) = file["destinations"].values()
        workbench.put(destination["objectKey"], (assembly / file["source"]["path"]).read_bytes())
    cloudformation = workbench.engine.client("cloudformation")
    workbench.put("template.json", (assembly / f"{stack_name}.template.json").read_bytes())
    url = f"{cloudformation.meta.endpoint_url}/{workbench.bucket}/template.json"
    cloudformation.create_stack(StackName=stack_name, TemplateURL=url)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack_name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
    )
