"""The rules for everything synthesized hold for endpoints of every kind; tests/synth has checkov."""

from __future__ import annotations

from pathlib import Path

from tests.synth import test_cdk_nag, test_cfn_lint
from tests.unit.endpoint.endpoints import new_app, synthesize_all
from tests.unit.pipeline.synthesis import REGION, Synthesized


def test_endpoints_violate_nothing_of_aws_solutions(tmp_path: Path) -> None:
    assert test_cdk_nag.findings(new_app(tmp_path)) == []


def test_their_template_has_no_findings(endpoints: Synthesized) -> None:
    assert test_cfn_lint.findings(endpoints.template, REGION) == []


def test_the_same_project_gives_the_same_template(endpoints: Synthesized, tmp_path: Path) -> None:
    assert synthesize_all(tmp_path).template == endpoints.template
