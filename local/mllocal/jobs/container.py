"""What every container of a job gets: its image, its environment and `resourceconfig.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mllocal import aws
from mllocal.images import LocalImage, UnknownImageError, image_for
from mllocal.jobs.logs import JobLog
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.sandbox import ML_ROOT

HOST = "algo-1"
SYSTEM_PATH = os.defpath
_DEFAULT_MAX_RUNTIME_SECONDS = 86400


def resolve_image(uri: str) -> LocalImage:
    """The local environment that stands for an image; the job fails as on AWS when there is none."""
    try:
        return image_for(uri)
    except UnknownImageError as error:
        raise JobFailedError(f"ClientError: {error}") from None


def container_environment(job: Job, image: LocalImage, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a container: the image's PATH, the embedded AWS, and the job's own variables; nothing of this process."""
    for name in ("tmp", "home"):
        (job.directory / name).mkdir(exist_ok=True)
    return {
        "PATH": os.pathsep.join([str(image.bin_directory), SYSTEM_PATH]),
        "HOME": str(job.directory / "home"),
        "TMPDIR": str(job.directory / "tmp"),
        "LANG": "C.UTF-8",
        "ML_ROOT": ML_ROOT,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **aws.environment(job.scope, aws.endpoint_url()),
        **variables,
    }


def write_json(path: Path, content: Any) -> None:
    """Write one of the contract's configuration files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def resource_config(instance_type: str) -> dict[str, Any]:
    """`resourceconfig.json` of a job on one instance."""
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": [HOST]}
    return {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": group["instance_group_name"],
        "hosts": [HOST],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


@dataclass(frozen=True)
class ContainerEnd:
    """How a container ended. `last_line` is the best cause there is when the script left no message of its own."""

    exit_code: int | None
    limit_seconds: float
    last_line: str

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it."""
        return self.exit_code is None

    @property
    def time_limit_message(self) -> str:
        """What happened, and what to do."""
        return f"Job exceeded MaxRuntimeInSeconds of {self.limit_seconds:.0f}; raise it or give the job less to do"


def run_to_end(job: Job, command: list[str], environment: dict[str, str], log: JobLog) -> ContainerEnd:
    """Run a container until it exits or its time is over. Raises `JobStoppedError` when the job was stopped."""
    limit = max_runtime_seconds(job.document)
    try:
        process = job.run_process(command, environment, log)
        code = process.wait(limit)
        if code is None:
            process.stop()
    finally:
        log.close()
    job.check_not_stopped()
    last_line = log.last_lines[-1] if log.last_lines else "See job logs for more information"
    return ContainerEnd(code, limit, last_line)


def max_runtime_seconds(document: Mapping[str, Any]) -> float:
    """The job's time limit; SageMaker's default is one day."""
    limit = document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME_SECONDS)
    return float(limit)


def read_message(path: Path, length: int = 1024) -> str:
    """What the container left for the failure reason; empty when it left nothing."""
    return path.read_text(errors="replace")[:length].strip() if path.is_file() else ""
