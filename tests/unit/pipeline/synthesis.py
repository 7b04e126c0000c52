"""One project in one stack, synthesized, and the pipeline definitions in it as SageMaker would read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack

from mlplatform import JobLimits, MlProject

ACCOUNT, REGION = "123456789012", "us-east-1"
Json = dict[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """A template, and the directory with its assets."""

    template: Json
    directory: Path

    def resources(self, resource_type: str) -> dict[str, Json]:
        """The properties of the resources of a type, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.template["Resources"].items()
            if resource["Type"] == resource_type
        }

    def only(self, resource_type: str) -> Json:
        """The properties of the only resource of a type."""
        (properties,) = self.resources(resource_type).values()
        return properties

    def definition(self, pipeline_name: str) -> Json:
        """The definition of a pipeline, with references flattened to `<LogicalId>` and `<LogicalId.Attribute>`."""
        for properties in self.resources("AWS::SageMaker::Pipeline").values():
            if properties["PipelineName"] == pipeline_name:
                body: Json = json.loads(flat(properties["PipelineDefinition"]["PipelineDefinitionBody"]))
                return body
        raise AssertionError(f"no pipeline {pipeline_name} in the template")

    def steps(self, pipeline_name: str) -> dict[str, Json]:
        """The steps of a pipeline by name, branches included, in order."""
        return {step["Name"]: step for step in _walk(self.definition(pipeline_name)["Steps"])}


def new_project(app: App, name: str = "demo") -> MlProject:
    """A project in a stack of its own."""
    stack = Stack(app, f"stack-{name}", env=Environment(account=ACCOUNT, region=REGION))
    limits = JobLimits(instance_types=(*JobLimits().instance_types, "ml.g4dn.xlarge"))
    return MlProject(stack, "Project", name=name, owner="team@example.com", limits=limits)


def synthesize_project(directory: Path, define: Callable[[MlProject], object]) -> Synthesized:
    """The template of a project that `define` filled."""
    app = App(outdir=str(directory), analytics_reporting=False)
    define(new_project(app))
    return synthesize(app, directory)


def synthesize(app: App, directory: Path) -> Synthesized:
    """The only template of an app."""
    app.synth()
    (path,) = directory.glob("*.template.json")
    return Synthesized(template=json.loads(path.read_text()), directory=directory)


def flat(value: Any) -> str:
    """A resolved string as text."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(flat(part) for part in parts)
    raise AssertionError(f"no text: {value}")


def _walk(steps: list[Json]) -> Iterator[Json]:
    for step in steps:
        yield step
        yield from _walk(step["Arguments"].get("IfSteps", []))
        yield from _walk(step["Arguments"].get("ElseSteps", []))
