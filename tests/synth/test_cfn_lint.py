"""cfn-lint knows every property of every type; an emulator takes unknown ones without a word."""

from __future__ import annotations

import json

from cfnlint.api import lint

from mlplatform.config import load_platform
from tests.conftest import REPOSITORY, Synthesized


def findings(template: object, region: str) -> list[str]:
    return [str(match) for match in lint(json.dumps(template, indent=1), regions=[region])]


def test_templates_have_no_findings(synthesized: Synthesized) -> None:
    region = load_platform(REPOSITORY / "platform.yaml").environment(synthesized.environment).region
    found = {
        stack: matches for stack, template in synthesized.templates.items() if (matches := findings(template, region))
    }
    assert found == {}


def test_a_planted_mistake_is_found() -> None:
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketNme": "x"}}}}
    assert any("BucketNme" in finding for finding in findings(template, "us-east-1"))
