"""Read a template's values as plain text: references become `<LogicalId>` and `<LogicalId.Attribute>`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.conftest import Template


def flatten(value: Any) -> Any:
    """Replace Ref, Fn::GetAtt and Fn::Join below `value` by text."""
    match value:
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [delimiter, parts]}:
            return delimiter.join(str(flatten(part)) for part in parts)
        case dict():
            return {key: flatten(item) for key, item in value.items()}
        case list():
            return [flatten(item) for item in value]
        case _:
            return value


def pipeline_definition(resource: Template) -> dict[str, Any]:
    """The definition of an `AWS::SageMaker::Pipeline`, with references as text."""
    body = flatten(resource["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"])
    definition: dict[str, Any] = json.loads(body)
    return definition


def role_statements(resource: Template) -> list[dict[str, Any]]:
    """Every statement of an `AWS::IAM::Role`."""
    policies = flatten(resource["Properties"].get("Policies", []))
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def walk(value: Any) -> Iterator[Any]:
    """`value` and everything below it."""
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from walk(child)
