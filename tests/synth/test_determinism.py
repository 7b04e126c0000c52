"""The same sources give the same bytes: in another process, directory and locale, without credentials or network."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Synthesized

NOWHERE = "http://127.0.0.1:9"  # The discard port: whoever tries to reach the network fails.
OFFLINE = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "LC_"))},
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "CDK_VALIDATION": "false",
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "PYTHONHASHSEED": "1",
    "TZ": "Asia/Tokyo",
    "LANG": "C",
}


def synthesize_offline(output: Path, *, cwd: Path) -> None:
    subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=cwd,
        env={**OFFLINE, "CDK_OUTDIR": str(output)},
        check=True,
        timeout=120,
    )


def differences(left: Path, right: Path) -> list[str]:
    names = {str(path.relative_to(root)) for root in (left, right) for path in root.rglob("*") if path.is_file()}
    _, mismatch, errors = filecmp.cmpfiles(left, right, names, shallow=False)
    return sorted([*mismatch, *errors])


def test_another_process_without_credentials_gives_the_same_bytes(dev: Synthesized, tmp_path: Path) -> None:
    synthesize_offline(tmp_path / "cdk.out", cwd=tmp_path)
    assert differences(dev.directory, tmp_path / "cdk.out") == []


def test_the_cdk_cli_gives_the_same_templates(dev: Synthesized, tmp_path: Path) -> None:
    """What the tests read is what `cdk deploy` deploys."""
    cdk = REPOSITORY / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        pytest.fail("node_modules/.bin/cdk is not there; run: make setup")
    tools = os.pathsep.join([str(Path(sys.executable).parent), OFFLINE["PATH"]])
    subprocess.run(
        [str(cdk), "synth", "--quiet", "--no-notices", "--output", str(tmp_path / "cdk.out")],
        cwd=REPOSITORY,
        env={**OFFLINE, "PATH": tools, "CDK_DISABLE_CLI_TELEMETRY": "true"},
        check=True,
        timeout=120,
    )
    templates = {path.name for path in dev.directory.glob("*.template.json")}
    _, mismatch, errors = filecmp.cmpfiles(dev.directory, tmp_path / "cdk.out", templates, shallow=False)
    assert [*mismatch, *errors] == []
