"""Starting and stopping engines: several at once, a port in use, a killed one."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

import mllocal
from tests.local.job_requests import processing_request
from tests.local.workbench import Workbench


def test_up_again_returns_the_engine_that_runs(engine: mllocal.Engine) -> None:
    directory = Path(engine.state_directory).parent

    assert mllocal.up(directory) == engine
    assert mllocal.engine(directory) == engine
    with pytest.raises(mllocal.EngineError, match=f"runs for .* on port {engine.port}; stop it with `mlp down`"):
        mllocal.up(directory, port=engine.port + 1)


def test_engines_of_two_directories_do_not_see_each_other(engine: mllocal.Engine, tmp_path: Path) -> None:
    other = mllocal.up(tmp_path)
    try:
        other.client("s3").create_bucket(Bucket="only-here")
        names = {bucket["Name"] for bucket in engine.client("s3").list_buckets()["Buckets"]}
        assert other.port != engine.port
        assert other.mlflow_url != engine.mlflow_url
        assert "only-here" not in names
    finally:
        assert mllocal.down(tmp_path, forget=True)
    assert mllocal.engine(tmp_path) is None
    assert not (tmp_path / ".mlp" / "state").exists()
    assert not mllocal.down(tmp_path)


def test_a_port_in_use_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(mllocal.EngineError, match=f"port {port} cannot be used .* give another with --port"):
            mllocal.up(tmp_path, port=port)
    assert mllocal.engine(tmp_path) is None


def test_a_killed_engine_takes_its_jobs_with_it_and_can_be_started_again(tmp_path: Path) -> None:
    killed = mllocal.up(tmp_path)
    workbench = Workbench.create(killed, "killed")
    marker = tmp_path / "job.pid"
    # The job runs under the engine's directory: it writes its process id to a file that this test can read.
    workbench.sagemaker.create_processing_job(
        **processing_request("orphan", f"cd {tmp_path}; echo $$ > new; mv new {marker.name}; exec sleep 300")
    )
    while not marker.exists():
        time.sleep(0.05)

    os.kill(killed.pid, signal.SIGKILL)
    _wait_until_gone(killed.pid)

    assert mllocal.engine(tmp_path) is None
    _wait_until_gone(int(marker.read_text()))
    again = mllocal.up(tmp_path)
    try:
        assert again.instance != killed.instance
        assert again.endpoint_url == killed.endpoint_url
        job = again.client("sagemaker").describe_processing_job(ProcessingJobName="orphan")
        assert job["ProcessingJobStatus"] == "Failed"
        assert "the embedded AWS stopped while this job ran" in job["FailureReason"]
    finally:
        mllocal.down(tmp_path)


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still runs")
