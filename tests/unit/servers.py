"""Real servers on loopback for a test session: started here, and stopped here by their own process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

ACCOUNT, REGION = "123456789012", "us-east-1"
PATIENCE_SECONDS = 300
BIN = Path(sys.executable).parent


@contextmanager
def running(command: Sequence[str], health_url: str, *, log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A server process, ready to answer; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment})
        try:
            _wait_until_ready(process, health_url, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def s3_server(directory: Path) -> Iterator[Any]:
    """An S3 client of an emulator with conditional writes and versions."""
    port = free_port()
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
    }
    endpoint = f"http://localhost:{port}"
    health = f"{endpoint}/_ministack/health"
    with running([str(BIN / "ministack")], health, log=directory / "ministack.log", environment=environment):
        yield client("s3", endpoint)


@contextmanager
def mlflow_server(directory: Path) -> Iterator[str]:
    """The endpoint of an MLflow server on SQLite, without its seven processes for jobs, which nobody here asks for."""
    port = free_port()
    command = [
        *(str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{directory / 'mlflow.db'}"),
        *("--default-artifact-root", str(directory / "artifacts")),
    ]
    endpoint = f"http://127.0.0.1:{port}"
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running(command, f"{endpoint}/health", log=directory / "mlflow.log", environment=environment):
        yield endpoint


def client(service: str, endpoint: str | None = None) -> Any:
    """A boto3 client with the credentials of an emulator."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
    )


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a URL made here
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer; the server said:\n{log.read_text(errors='replace')[-3000:]}")
