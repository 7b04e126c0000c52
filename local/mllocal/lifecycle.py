"""Starting, finding and stopping the engine of a directory."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import urllib3

from mllocal import aws, images
from mllocal.directories import StateDirectory
from mllocal.errors import EngineError
from mllocal.ports import free_port, why_not_free
from mllocal.sagemaker.store import Scope
from mllocal.scaling_clock import ScalingClock

START_SECONDS = 120
STOP_SECONDS = 8
POLL_SECONDS = 0.05
LOG_TAIL_CHARACTERS = 2000
DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Engine:
    """A running embedded AWS. `endpoint_url` is what `--endpoint-url` and `AWS_ENDPOINT_URL` take."""

    endpoint_url: str
    mlflow_url: str
    account: str
    region: str
    pid: int
    port: int
    instance: str
    state_directory: str

    def environment(self) -> dict[str, str]:
        """The variables with which an AWS SDK, the AWS CLI or the CDK CLI talks to this engine and to nothing else."""
        return aws.environment(self.scope, self.endpoint_url)

    @property
    def scope(self) -> Scope:
        """The account and region that `environment` and `client` act in."""
        return Scope(self.account, self.region)

    def client(self, service: str) -> Any:
        """A boto3 client of this engine."""
        return aws.client_of(service, self.scope, self.endpoint_url)

    def status(self) -> dict[str, Any] | None:
        """What the engine says of itself; None when it does not answer, or when something else answers on its port."""
        try:
            answer = urllib3.request("GET", f"{self.endpoint_url}/_mlp/status", timeout=2, retries=False)
            status: dict[str, Any] = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError):
            return None
        return status if status.get("instance") == self.instance else None

    def put_faults(self, **faults: Any) -> dict[str, Any]:
        """Have these faults, and no others, until they are put again; without any, none.

        What there is: docs/embedded-aws.md, "Faults of AWS". Answers what is asked for now. Raises `EngineError`.
        """
        answer = urllib3.request("PUT", f"{self.endpoint_url}/_mlp/faults", body=json.dumps(faults), timeout=10)
        document: dict[str, Any] = json.loads(answer.data)
        if answer.status != HTTPStatus.OK:
            raise EngineError(str(document["message"]))
        return document


def engine(directory: Path) -> Engine | None:
    """The engine that runs for a directory, or None. A file left by a killed engine counts as none."""
    found = _described(StateDirectory.of(directory))
    return found if found is not None and found.status() is not None else None


def up(
    directory: Path,
    *,
    port: int | None = None,
    account: str = DEFAULT_ACCOUNT,
    region: str = DEFAULT_REGION,
    scaling_clock: ScalingClock | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Engine:
    """Start the embedded AWS of a directory with the state it had, or return the one that runs.

    `port` is chosen freely when not given, so that engines of several directories do not collide; `scaling_clock` is what the
    environment says, real time without that. An engine that runs keeps the clock it has. Raises `EngineError`.
    """
    state = StateDirectory.of(directory)
    state.path.mkdir(parents=True, exist_ok=True)
    with _locked(state):
        running = engine(directory)
        if running is not None:
            if port not in (None, running.port):
                raise EngineError(
                    f"an engine runs for {directory} on port {running.port}; stop it with `mlp down` to use port {port}"
                )
            return running
        _end_leftover(state)
        images.build_all(progress)
        progress("starting the embedded AWS and MLflow")
        return _start(state, port, account, region, scaling_clock or ScalingClock.from_environment())


def down(directory: Path, *, forget: bool = False) -> bool:
    """Stop the engine of a directory. False when none ran. The next `up` finds its state, unless it is to `forget` it."""
    state = StateDirectory.of(directory)
    if not state.path.is_dir():
        return False
    with _locked(state):
        was_running = _end_leftover(state)
        if forget:
            shutil.rmtree(state.state, ignore_errors=True)
        return was_running


def _start(state: StateDirectory, port: int | None, account: str, region: str, clock: ScalingClock) -> Engine:
    chosen, mlflow_port = _ports(state, port)
    instance = uuid.uuid4().hex
    shutil.rmtree(state.jobs, ignore_errors=True)
    for directory in (state.services, state.objects):
        directory.mkdir(parents=True, exist_ok=True)
    options = {"directory": state.path, "port": chosen, "mlflow-port": mlflow_port}
    options |= {"account": account, "region": region, "instance": instance}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with state.log.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mllocal.server", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                **clock.environment(),
                images.REGISTRATIONS_VARIABLE: str(state.path.parent / images.REGISTRATIONS_FILE),
            },
        )
    started = Engine(
        endpoint_url=f"http://localhost:{chosen}",
        mlflow_url=f"http://127.0.0.1:{mlflow_port}",
        account=account,
        region=region,
        pid=process.pid,
        port=chosen,
        instance=instance,
        state_directory=str(state.path),
    )
    _write(state.description, json.dumps(asdict(started), indent=2))
    _wait_until_ready(started, process, state)
    return started


def _wait_until_ready(started: Engine, process: subprocess.Popen[bytes], state: StateDirectory) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if started.status() is not None:
            return
        time.sleep(POLL_SECONDS)
    process.kill()
    process.wait()
    state.description.unlink(missing_ok=True)
    tail = state.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
    raise EngineError(f"the embedded AWS did not start; the end of {state.log}:\n{tail}")


def _end_leftover(state: StateDirectory) -> bool:
    """End the process that engine.json names, if it is still that process, and forget it."""
    found = _described(state)
    if found is None:
        return False
    was_running = _is_this_engine(found)
    if was_running:
        _end(found)
    state.description.unlink(missing_ok=True)
    return was_running


def _end(found: Engine) -> None:
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_this_engine(found) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if _is_this_engine(found):
        os.killpg(found.pid, signal.SIGKILL)


def _is_this_engine(found: Engine) -> bool:
    """Whether the process id still belongs to the engine: ids are used again, its token is not."""
    try:
        process = psutil.Process(found.pid)
        return found.instance in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _described(state: StateDirectory) -> Engine | None:
    try:
        return Engine(**json.loads(state.description.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise EngineError(
            f"{state.description} is not readable ({error}); end the process it meant, if it runs, and remove the file"
        ) from None


@contextmanager
def _locked(state: StateDirectory) -> Iterator[None]:
    with state.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(content)
    temporary.replace(path)


def _ports(state: StateDirectory, port: int | None) -> tuple[int, int]:
    """Ports for AWS and for MLflow: those asked for, else those of the last engine, else free ones."""
    last = json.loads(state.ports.read_text()) if state.ports.exists() else {}
    if port is not None and (problem := why_not_free(port)):
        raise EngineError(
            f"port {port} cannot be used ({problem}); give another with --port, or none to have a free one chosen"
        )
    chosen = _last_or_free(last.get("aws")) if port is None else port
    mlflow_port = _last_or_free(last.get("mlflow"))
    _write(state.ports, json.dumps({"aws": chosen, "mlflow": mlflow_port}))
    return chosen, mlflow_port


def _last_or_free(last: int | None) -> int:
    return free_port() if last is None or why_not_free(last) else last
