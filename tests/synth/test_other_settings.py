"""What platform.yaml can ask for beside what this repository's own asks: the same rules hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import build_app
from tests.conftest import Synthesized
from tests.synth import test_cdk_nag, test_cfn_lint

SETTINGS = {
    "egress": """
    network: {cidr: 10.40.0.0/16, availability_zones: 3, egress: {allowed_domains: [packages.example.com]}}
    training_environment: {home_file_system: none, image: true, image_version: 2}
""",
    "existing": """
    network: {vpc_id: vpc-0123456789abcdef0, subnet_ids: [subnet-01234567, subnet-12345678], cidr: 10.0.0.0/16}
    training_environment: {home_file_system: keep, auth_mode: SSO}
""",
}
DEFINITIONS = {"egress": "tests.access.definitions:define", "existing": "tests.synth.definitions:define"}
"""One has all that constructs can be asked for."""
CONFIG = """\
organization: example
tags: {{managed-by: mlplatform}}
environments:
  dev:
    account: "123456789012"
    region: us-east-1
{environment}
projects:
  - name: alpha
    owner: a@example.com
    definition: {definition}
    environments: [dev]
    studio: {{people: [aiko], instance_types: [ml.t3.medium]}}
"""


@pytest.fixture(scope="module", params=sorted(SETTINGS))
def chosen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    directory: Path = tmp_path_factory.mktemp(request.param)
    config = directory / "platform.yaml"
    config.write_text(
        CONFIG.format(environment=SETTINGS[request.param], definition=DEFINITIONS[request.param]), encoding="utf-8"
    )
    app = build_app({"config": str(config)}, outdir=str(directory / "out"))
    app.synth()
    return Synthesized(environment="dev", app=app, directory=directory / "out")


def test_it_violates_nothing_of_aws_solutions(chosen: Synthesized) -> None:
    assert test_cdk_nag.findings(chosen.app) == []


def test_its_templates_have_no_findings(chosen: Synthesized) -> None:
    found = {stack: test_cfn_lint.findings(template, "us-east-1") for stack, template in chosen.templates.items()}
    assert {stack: findings for stack, findings in found.items() if findings} == {}


def test_it_looks_nothing_up(chosen: Synthesized) -> None:
    assert "missing" not in (chosen.directory / "manifest.json").read_text(encoding="utf-8")
