"""A processing job: inputs from S3, one container, outputs to S3 when it succeeded."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mllocal.jobs.container import (
    container_environment,
    read_message,
    resolve_image,
    resource_config,
    run_to_end,
    write_json,
)
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.sandbox import ML_ROOT
from mllocal.s3 import NoObjectsError, S3Uri, download, upload
from mllocal.sagemaker.store import Document


def run(job: Job) -> Document:
    """Run the job to its end. Raises `JobFailedError` with SageMaker's reason."""
    document = job.document
    cluster = document["ProcessingResources"]["ClusterConfig"]
    specification = document["AppSpecification"]
    image = resolve_image(specification["ImageUri"])
    _download_inputs(job)
    for output in _outputs(document):
        _local(job, output["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    write_json(job.ml / "config" / "processingjobconfig.json", document)
    write_json(job.ml / "config" / "resourceconfig.json", resource_config(cluster["InstanceType"]))
    (job.ml / "output").mkdir(exist_ok=True)
    command = [*specification.get("ContainerEntrypoint", []), *specification.get("ContainerArguments", [])]
    job.change(ProcessingStartTime=time.time())
    _run_container(job, command, container_environment(job, image, document.get("Environment", {})))
    for output in _outputs(document):
        target = output["S3Output"]
        upload(job.client("s3"), _local(job, target["LocalPath"]), S3Uri.parse(target["S3Uri"]))
    return {"ExitMessage": read_message(job.ml / "output" / "message")}


def _run_container(job: Job, command: list[str], environment: dict[str, str]) -> None:
    end = run_to_end(job, command, environment, job.open_log())
    if end.timed_out:
        raise JobFailedError(f"ClientError: {end.time_limit_message}")
    if end.exit_code != 0:
        message = read_message(job.ml / "output" / "message")
        raise JobFailedError(
            f"AlgorithmError: {message or end.last_line}, exit code: {end.exit_code}", ExitMessage=message
        )


def _download_inputs(job: Job) -> None:
    for processing_input in job.document.get("ProcessingInputs", []):
        source = processing_input["S3Input"]
        target = _local(job, source["LocalPath"])
        target.mkdir(parents=True, exist_ok=True)
        try:
            download(job.client("s3"), S3Uri.parse(source["S3Uri"]), target)
        except NoObjectsError as error:
            raise JobFailedError(str(error)) from None


def _outputs(document: Document) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = document.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return outputs


def _local(job: Job, path: str) -> Path:
    return job.ml / Path(path).relative_to(ML_ROOT)
