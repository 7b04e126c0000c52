"""The engine's MLflow server: the real one, on loopback, with SQLite as its store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import urllib3

from mllocal.children import dying_with_parent
from mllocal.errors import EngineError

START_SECONDS = 120
POLL_SECONDS = 0.1
STOP_SECONDS = 5


class MlflowServer:
    """A child process of the engine; it ends with it."""

    def __init__(self, directory: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        directory.mkdir(parents=True, exist_ok=True)
        self._log = directory / "server.log"
        # uvicorn directly, as `mlflow server` starts it: that command is a parent process, which would outlive a killed engine.
        command = [sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
        environment = {
            **os.environ,
            "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{directory}/mlflow.db",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(directory / "artifacts"),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SGI_NAME": "uvicorn",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                dying_with_parent(command),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when it answers. Raises `EngineError` with the end of its log when it does not."""
        deadline = time.monotonic() + START_SECONDS
        with urllib3.PoolManager(retries=False) as pool:
            while self._process.poll() is None and time.monotonic() < deadline:
                try:
                    if pool.request("GET", f"{self.url}/health", timeout=2).status == 200:
                        return
                except urllib3.exceptions.HTTPError:
                    pass  # not listening yet: the loop asks again until its deadline
                time.sleep(POLL_SECONDS)
        raise EngineError(f"MLflow did not start; the end of its log:\n{self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
