"""A processing job: inputs from S3, one container on each host, outputs to S3: at the end when it succeeded, or while it runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mllocal.jobs.container import (
    ContainerEnd,
    Program,
    fail_out_of_memory,
    max_runtime_seconds,
    read_message,
    resolve_image,
    run_to_end,
    start,
    write_json,
)
from mllocal.jobs.hosts import Cluster, Host
from mllocal.jobs.inputs import Source, download_to_hosts
from mllocal.jobs.machines import Machines
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.sync import DirectorySync, writing
from mllocal.s3 import S3Uri, upload
from mllocal.sagemaker.store import Document

EXIT_MESSAGE_LENGTH = 1024


def run(job: Job) -> Document:
    """Run the job to its end. Raises `JobFailedError` with SageMaker's reason."""
    document = job.document
    machines = Machines.of(document["ProcessingResources"]["ClusterConfig"])
    cluster = Cluster.create(job.directory, machines.instance_type, machines.count)
    specification = document["AppSpecification"]
    image = resolve_image(specification["ImageUri"])
    for source in _inputs(document):
        _download(job, cluster, source)
    for host in cluster.hosts:
        _prepare(host, cluster, document)
    entrypoint = specification.get("ContainerEntrypoint") or image.entrypoint
    command = [*entrypoint, *specification.get("ContainerArguments", [])]
    program = Program(image, command, lambda _: document.get("Environment", {}))
    job.change(ProcessingStartTime=time.time())
    with DirectorySync(job.client("s3"), _targets(document, cluster, "Continuous")):
        end = run_to_end(job, start(job, cluster, program), max_runtime_seconds(document))
    message = "".join(read_message(host.ml / "output" / "message") for host in cluster.hosts)[:EXIT_MESSAGE_LENGTH]
    _check(end, message)
    for directory, target in _targets(document, cluster, "EndOfJob").items():
        with writing(target):
            upload(job.client("s3"), directory, target)
    return {"ExitMessage": message}


def _prepare(host: Host, cluster: Cluster, document: Document) -> None:
    for output in _outputs(document):
        host.local(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
    write_json(host.ml / "config" / "processingjobconfig.json", document)
    write_json(host.ml / "config" / "resourceconfig.json", cluster.resource_config(host))
    (host.ml / "output").mkdir(exist_ok=True)


def _check(end: ContainerEnd, message: str) -> None:
    fail_out_of_memory(end, "job")
    if end.timed_out:
        raise JobFailedError(f"ClientError: {end.time_limit_message}", ExitMessage=message)
    if not end.succeeded:
        raise JobFailedError(
            f"AlgorithmError: {message or end.last_line}, exit code: {end.exit_code}", ExitMessage=message
        )


def _download(job: Job, cluster: Cluster, source: dict[str, Any]) -> None:
    download_to_hosts(job, cluster, Source.of(source), lambda host: host.local(source["LocalPath"]))


def _inputs(document: Document) -> list[dict[str, Any]]:
    """The inputs that the service downloads; those that the application manages are its own affair."""
    return [item["S3Input"] for item in document.get("ProcessingInputs", []) if not item.get("AppManaged")]


def _outputs(document: Document) -> list[dict[str, Any]]:
    outputs = document.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [output["S3Output"] for output in outputs if not output.get("AppManaged")]


def _targets(document: Document, cluster: Cluster, mode: str) -> dict[Path, S3Uri]:
    """Where each output directory of every host goes: all hosts write under the same prefix."""
    return {
        host.local(output["LocalPath"]): S3Uri.parse(output["S3Uri"])
        for output in _outputs(document)
        if output["S3UploadMode"] == mode
        for host in cluster.hosts
    }
