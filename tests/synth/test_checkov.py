"""checkov's rules hold for everything synthesized and for the Dockerfiles; exceptions stand beside their resource."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.conftest import REPOSITORY, Synthesized
from tests.unit.endpoint.endpoints import synthesize_all

CHECKOV = REPOSITORY / ".tools" / "checkov" / "bin" / "checkov"
LIBRARY = REPOSITORY / "constructs" / "mlplatform"
DOCKERFILES = {
    "studio.Dockerfile": LIBRARY / "training_environment" / "image" / "Dockerfile",
    "tabular.Dockerfile": LIBRARY / "batch_inference" / "serving" / "Dockerfile",
}
OPEN_BUCKET = {"Resources": {"Open": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "open"}}}}
AS_ROOT = "FROM example:latest\nUSER root\n"


@pytest.fixture(scope="module")
def findings(dev: Synthesized, prod: Synthesized, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What one run finds in every environment, endpoints of every kind, the Dockerfiles, and a planted violation of each kind."""
    if not CHECKOV.exists():
        pytest.fail(f"{CHECKOV.relative_to(REPOSITORY)} is not there; run: make .tools/checkov/.ready")
    root = tmp_path_factory.mktemp("checkov")
    for environment in (dev, prod):
        for template in environment.directory.glob("*.template.json"):
            shutil.copy(template, root)
    synthesize_all(root / "endpoints")
    for name, path in DOCKERFILES.items():
        shutil.copy(path, root / name)
    (root / "planted.template.json").write_text(json.dumps(OPEN_BUCKET), encoding="utf-8")
    (root / "planted.Dockerfile").write_text(AS_ROOT, encoding="utf-8")
    options = [
        "--framework",
        "cloudformation",
        "dockerfile",
        "--skip-download",
        "--compact",
        "--quiet",
        "--output",
        "json",
    ]
    completed = subprocess.run(
        [str(CHECKOV), "--directory", str(root), *options],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"},
    )
    if completed.returncode != 1:
        pytest.fail(f"checkov exited with {completed.returncode}, and 1 stands for findings: {completed.stderr}")
    reports = json.loads(completed.stdout)
    assert [report["summary"]["parsing_errors"] for report in reports] == [0, 0]
    return sorted(
        f"{check['file_path']}: {check['resource']}: {check['check_id']}: {check['check_name']}"
        for report in reports
        for check in report["results"]["failed_checks"]
    )


def test_templates_and_dockerfiles_have_no_findings(findings: list[str]) -> None:
    assert [finding for finding in findings if "planted" not in finding] == []


@pytest.mark.parametrize("rule", ["CKV_AWS_18", "CKV_DOCKER_8"])
def test_a_planted_violation_is_found(findings: list[str], rule: str) -> None:
    assert any("planted" in finding and rule in finding for finding in findings)
