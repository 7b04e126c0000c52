"""What every container of a job gets: its image, its environment, its limits; and how the containers of a job run to their end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mllocal import aws
from mllocal.errors import EngineError
from mllocal.images import LocalImage, UnknownImageError, image_for
from mllocal.jobs.hosts import Cluster, Host
from mllocal.jobs.logs import JobLog
from mllocal.jobs.memory import memory_limit
from mllocal.jobs.process import ContainerProcess, stop_all
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.sandbox import ML_ROOT
from mllocal.sagemaker.store import Scope

SYSTEM_PATH = os.defpath
DEFAULT_MAX_RUNTIME_SECONDS = 86400
# What the service says when a container was killed for its memory; the noun is the kind of job's own.
_OUT_OF_MEMORY = (
    "ClientError: Please use an instance type with more memory, or reduce the size of {noun} data processed on an instance, "
    "exit code: 137"
)


def resolve_image(uri: str) -> LocalImage:
    """The local environment that stands for an image; the job fails as on AWS when there is none."""
    try:
        return image_for(uri)
    except (UnknownImageError, EngineError) as error:
        raise JobFailedError(f"ClientError: {error}") from None


def prepare_image(image: LocalImage, log: JobLog) -> None:
    """Build the environment if this is its first use; the job fails with the installer's words when that fails."""
    try:
        image.prepare(log.note)
    except EngineError as error:
        raise JobFailedError(f"ClientError: {error}") from None


def container_environment(scope: Scope, host: Host, image: LocalImage, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a container: the image's PATH, the embedded AWS, and the job's own variables; nothing of this process."""
    for name in ("tmp", "home"):
        (host.directory / name).mkdir(exist_ok=True)
    return {
        "PATH": os.pathsep.join([str(image.bin_directory), SYSTEM_PATH]),
        "HOME": str(host.directory / "home"),
        "TMPDIR": str(host.directory / "tmp"),
        "LANG": "C.UTF-8",
        "ML_ROOT": ML_ROOT,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **aws.environment(scope, aws.endpoint_url()),
        **variables,
        **_mlflow(variables),
    }


def _mlflow(variables: Mapping[str, str]) -> Mapping[str, str]:
    """MLflow's own address in place of an ARN, which only the plugin sagemaker-mlflow and only on AWS turns into one."""
    is_arn = variables.get("MLFLOW_TRACKING_URI", "").startswith("arn:")
    return {"MLFLOW_TRACKING_URI": aws.mlflow_url()} if is_arn else {}


def write_json(path: Path, content: Any) -> None:
    """Write one of the contract's configuration files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@dataclass(frozen=True)
class ContainerEnd:
    """How a container ended. `last_line` is the best cause there is when the script left no message of its own."""

    host: Host
    exit_code: int | None
    limit_seconds: float
    last_line: str
    ran_out_of_memory: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it did its work."""
        return self.exit_code == 0

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it."""
        return self.exit_code is None

    @property
    def time_limit_message(self) -> str:
        """What happened, and what to do."""
        return f"Job exceeded MaxRuntimeInSeconds of {self.limit_seconds:.0f}; raise it or give the job less to do"


@dataclass(frozen=True)
class Container:
    """A container that runs on a host, and its log."""

    host: Host
    process: ContainerProcess
    log: JobLog

    def wait(self, limit_seconds: float) -> ContainerEnd:
        """How it ended; it is stopped when its time is over."""
        code = self.process.wait(limit_seconds)
        if code is None:
            self.process.stop()
        last_line = self.log.last_lines[-1] if self.log.last_lines else "See job logs for more information"
        return ContainerEnd(self.host, code, limit_seconds, last_line, self.process.ran_out_of_memory)


@dataclass(frozen=True)
class Program:
    """What runs on every host of a job. `on_line` is called with every line that it prints."""

    image: LocalImage
    command: list[str]
    variables: Callable[[Host], Mapping[str, str]]
    on_line: Callable[[str], None] | None = None


def start(job: Job, cluster: Cluster, program: Program) -> list[Container]:
    """Start a container on every host, within the memory of its instance type."""
    containers: list[Container] = []
    try:
        for host in cluster.hosts:
            containers.append(_start(job, cluster, host, program))
    except BaseException:
        stop_all([container.process for container in containers])
        close_logs(containers)
        raise
    return containers


def _start(job: Job, cluster: Cluster, host: Host, program: Program) -> Container:
    log = job.open_log(host.name, program.on_line)
    try:
        if host == cluster.first:
            prepare_image(program.image, log)
        limit = memory_limit(cluster.instance_type)
        if limit.note is not None:
            log.note(limit.note)
        environment = container_environment(job.scope, host, program.image, program.variables(host))
        return Container(host, job.run_process(host, program.command, environment, log, limit.limit_bytes), log)
    except BaseException:
        log.close()
        raise


def run_to_end(job: Job, containers: Sequence[Container], limit_seconds: float) -> ContainerEnd:
    """Wait until every container is done, or the first one fails: the others are then stopped.

    Returns how the first failed one ended, or how `algo-1` did. Raises `JobStoppedError` when the job was stopped.
    """
    try:
        end = _first_failure(containers, limit_seconds)
    finally:
        close_logs(containers)
    job.check_not_stopped()
    return end


def _first_failure(containers: Sequence[Container], limit_seconds: float) -> ContainerEnd:
    with ThreadPoolExecutor(len(containers)) as pool:
        waiting = [pool.submit(container.wait, limit_seconds) for container in containers]
        for future in as_completed(waiting):
            end = future.result()
            if not end.succeeded:
                stop_all([container.process for container in containers if container.host != end.host])
                return end
        return waiting[0].result()


def close_logs(containers: Sequence[Container]) -> None:
    """Send what is left of the logs."""
    for container in containers:
        container.log.close()


def fail_out_of_memory(end: ContainerEnd, noun: str) -> None:
    """Raises `JobFailedError` in the service's words when that is how a container ended."""
    if end.ran_out_of_memory:
        raise JobFailedError(_OUT_OF_MEMORY.format(noun=noun))


def max_runtime_seconds(document: Mapping[str, Any]) -> float:
    """The job's time limit; SageMaker's default is one day."""
    limit = document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    return float(limit)


def read_message(path: Path, length: int = 1024) -> str:
    """What the container left for the failure reason; empty when it left nothing."""
    return path.read_text(errors="replace")[:length].strip() if path.is_file() else ""
