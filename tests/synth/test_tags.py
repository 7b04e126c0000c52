"""Whoever looks at a bill finds the team: everything that can carry tags carries the platform's."""

from __future__ import annotations

from functools import cache
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.conftest import Synthesized, Template

EVERYWHERE = {"organization": "example-mobility", "managed-by": "mlplatform"}
IN_PROJECTS = {"project", "owner", "cost-center", *EVERYWHERE, "environment"}


@cache
def tag_property(resource_type: str) -> str | None:
    """The property that holds a type's tags according to its CloudFormation schema, None when it has none."""
    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    tagging = schema.get("tagging", {})
    if tagging.get("taggable") is False:
        return None
    name = str(tagging.get("tagProperty", "/properties/Tags")).removeprefix("/properties/")
    return name if name in schema["properties"] else None


def tags_of(resource: Template, name: str) -> dict[str, str]:
    tags = resource.get("Properties", {}).get(name, [])
    return dict(tags) if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}


def test_everything_taggable_carries_the_platforms_tags(synthesized: Synthesized) -> None:
    wanted = {**EVERYWHERE, "environment": synthesized.environment}
    lacking = [
        f"{stack}.{logical_id} ({resource['Type']})"
        for stack, logical_id, resource in synthesized.resources()
        if (name := tag_property(resource["Type"])) and not wanted.items() <= tags_of(resource, name).items()
    ]
    assert lacking == []


def test_everything_taggable_in_a_project_names_project_owner_and_cost_center(synthesized: Synthesized) -> None:
    lacking = [
        f"{stack}.{logical_id} ({resource['Type']})"
        for stack, logical_id, resource in synthesized.resources()
        if "-project-" in stack
        and (name := tag_property(resource["Type"]))
        and not tags_of(resource, name).keys() >= IN_PROJECTS
    ]
    assert lacking == []
