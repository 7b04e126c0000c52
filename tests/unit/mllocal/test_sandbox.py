"""How a job's process comes to see its directory as /opt/ml, with private mounts and without."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mllocal.jobs import sandbox


def run(directory: Path, script: str, **environment: str) -> str:
    start = sandbox.launch(directory, ["sh", "-c", script], {"PATH": os.defpath, **environment})
    done = subprocess.run(start.command, env=start.environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_private_mounts_show_the_directory_as_opt_ml_to_the_process_alone(tmp_path: Path) -> None:
    if sandbox.private_mount_command() is None:
        pytest.skip("this host forbids mount namespaces; the test below covers what happens then")

    run(tmp_path, "mkdir -p /opt/ml/model && echo 1 > /opt/ml/model/weights")

    assert (tmp_path / "ml" / "model" / "weights").read_text() == "1\n"
    assert not Path("/opt/ml/model/weights").exists()


def test_private_mounts_leave_the_rest_of_opt_visible(tmp_path: Path) -> None:
    if sandbox.private_mount_command() is None:
        pytest.skip("this host forbids mount namespaces")
    before = {entry.name for entry in Path("/opt").iterdir()}

    assert set(run(tmp_path, "ls -A /opt").split()) == before | {"ml"}


def test_without_mounts_arguments_and_environment_are_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "private_mount_command", lambda: None)

    out = run(tmp_path, "echo $MODEL /opt/ml /opt/ml/input /opt/mlflow /opt/ml-other", MODEL="/opt/ml/model")

    ml = tmp_path / "ml"
    assert out.split() == [f"{ml}/model", f"{ml}", f"{ml}/input", "/opt/mlflow", "/opt/ml-other"]
