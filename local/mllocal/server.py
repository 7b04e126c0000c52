"""The engine's process: `python -m mllocal.server`. Started by `mllocal.up`, ended by `mllocal.down`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from mllocal.directories import StateDirectory
from mllocal.emulator.begun_objects import finish_begun

if TYPE_CHECKING:
    from mllocal.engine import EngineParts

STATUS_PATH = "/_mlp/status"
RESUME_POLL_SECONDS = 0.05


def main() -> None:
    """Parse the command line, then serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where the engine keeps its state")
    parser.add_argument("--port", type=int, required=True, help="port of the AWS APIs, on 127.0.0.1")
    parser.add_argument("--mlflow-port", type=int, required=True, help="port of MLflow, on 127.0.0.1")
    parser.add_argument("--account", required=True, help="account id for requests that name none")
    parser.add_argument("--region", required=True, help="Region for requests that name none")
    parser.add_argument("--instance", required=True, help="a token by which this process is recognized")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    directory = StateDirectory(options.directory)
    _set_environment(options, directory)
    finish_begun(directory.objects)
    asyncio.run(_serve(options))


def _set_environment(options: argparse.Namespace, directory: StateDirectory) -> None:
    """ministack reads its settings from the environment, when it is imported. Lambdas inherit the endpoints."""
    endpoint = f"http://127.0.0.1:{options.port}"
    os.environ.update(
        {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(options.port),
            "MINISTACK_ACCOUNT_ID": options.account,
            "MINISTACK_REGION": options.region,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(directory.services),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(directory.objects),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL_MLFLOW": f"http://127.0.0.1:{options.mlflow_port}",
        }
    )


async def _serve(options: argparse.Namespace) -> None:
    # Imported only now: ministack reads the environment set above when it is imported.
    import hypercorn.asyncio
    import hypercorn.config

    from mllocal.emulator import bridge
    from mllocal.emulator.durability import durable
    from mllocal.emulator.fault_points import register_faults, with_faults
    from mllocal.emulator.faults import Faults
    from mllocal.emulator.resource_types import NOT_EMULATED
    from mllocal.engine import build_engine
    from mllocal.mlflow_server import MlflowServer
    from mllocal.scaling_clock import ScalingClock

    directory = StateDirectory(options.directory)
    mlflow = MlflowServer(directory.mlflow, options.mlflow_port)
    faults = Faults()
    clock = ScalingClock.from_environment()
    engine = build_engine(directory, mlflow.url, clock)
    register_faults(faults)
    status = {
        "ready": True,
        "pid": os.getpid(),
        "instance": options.instance,
        "mlflow_url": mlflow.url,
        "resource_types_not_emulated": list(NOT_EMULATED),
        "scaling_clock_speed": clock.speed,
        "provisioning_seconds": clock.provisioning_seconds,
    }
    stop = asyncio.Event()

    async def stopped() -> None:
        await stop.wait()
        engine.start_no_more()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{options.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    try:
        await asyncio.to_thread(mlflow.wait_until_ready)
        faulty: Any = with_faults(durable(bridge.application), faults)
        application: Any = _with_status(_with_image_configurations(faulty), status)
        threading.Thread(target=_resume, args=(engine, options.port, options.instance), daemon=True).start()
        await hypercorn.asyncio.serve(application, config, shutdown_trigger=stopped)
    finally:
        await asyncio.to_thread(engine.close)
        mlflow.stop()


def _resume(engine: EngineParts, port: int, instance: str) -> None:
    """Let what the last engine served go on as soon as this one answers: instances read their models from it."""
    answer = None
    while answer is None or answer.get("instance") != instance:
        try:
            answer = urllib3.request("GET", f"http://127.0.0.1:{port}{STATUS_PATH}", timeout=2, retries=False).json()
        except urllib3.exceptions.HTTPError:
            time.sleep(RESUME_POLL_SECONDS)
    engine.resume()


Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def _with_status(application: Application, status: dict[str, Any]) -> Application:
    """The emulator's application, with the engine's own status beside it."""
    content = json.dumps(status).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != STATUS_PATH:
            await application(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return serve


def _with_image_configurations(application: Application) -> Application:
    """The emulator's application, with what ECR's GetDownloadUrlForLayer gives addresses of."""
    from mllocal.emulator.registries import BLOBS_PATH, configuration

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(BLOBS_PATH):
            await application(scope, receive, send)
            return
        content = configuration(scope["path"])
        await send({"type": "http.response.start", "status": 404 if content is None else 200, "headers": []})
        await send({"type": "http.response.body", "body": content or b""})

    return serve


if __name__ == "__main__":
    main()
