"""checkov's CloudFormation rules hold for everything synthesized; exceptions stand beside their resource."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, Synthesized

CHECKOV = REPOSITORY / ".tools" / "checkov" / "bin" / "checkov"


def findings(directory: Path, home: Path) -> list[str]:
    if not CHECKOV.exists():
        pytest.fail(f"{CHECKOV.relative_to(REPOSITORY)} is not there; run: make .tools/checkov/.ready")
    arguments = ["--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--output", "json"]
    completed = subprocess.run(
        [str(CHECKOV), "--directory", str(directory), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LOG_LEVEL": "ERROR"},
    )
    if completed.returncode not in (0, 1):
        pytest.fail(f"checkov exited with {completed.returncode}: {completed.stderr}")
    report: dict[str, Any] = json.loads(completed.stdout)
    summary = report.get("summary", report)
    assert summary["parsing_errors"] == 0
    assert summary["passed"] + summary["failed"] > 0, "checkov looked at nothing"
    failed = report.get("results", {}).get("failed_checks", [])
    return sorted(f"{check['resource']}: {check['check_id']}: {check['check_name']}" for check in failed)


def test_templates_have_no_findings(synthesized: Synthesized, tmp_path: Path) -> None:
    assert findings(synthesized.directory, tmp_path) == []


def test_a_planted_violation_is_found(tmp_path: Path) -> None:
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "open"}}}}
    (tmp_path / "planted.template.json").write_text(json.dumps(template), encoding="utf-8")
    assert any("CKV_AWS_18" in finding for finding in findings(tmp_path, tmp_path))
