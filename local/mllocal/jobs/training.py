"""A training job: channels in, `train`, `model.tar.gz` out, metrics read from the log as it is written."""

from __future__ import annotations

import re
import tarfile
import time
from pathlib import Path
from typing import Any

from mllocal.jobs.container import (
    HOST,
    container_environment,
    read_message,
    resolve_image,
    resource_config,
    run_to_end,
    write_json,
)
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.s3 import NoObjectsError, S3Uri, download
from mllocal.sagemaker.store import Document


def run(job: Job) -> Document:
    """Run the job to its end. Raises `JobFailedError` with SageMaker's reason."""
    document = job.document
    image = resolve_image(document["AlgorithmSpecification"]["TrainingImage"])
    _enter(job, "Downloading")
    _download_channels(job)
    _write_configuration(job)
    for name in ("model", "output/data", "checkpoints"):
        (job.ml / name).mkdir(parents=True, exist_ok=True)
    _enter(job, "Training", TrainingStartTime=time.time())
    variables = {
        **document.get("Environment", {}),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
    }
    metrics = Metrics(document["AlgorithmSpecification"].get("MetricDefinitions", []))
    _run_container(job, image.train_command, container_environment(job, image, variables), metrics)
    _enter(job, "Uploading")
    artifacts = _upload_artifacts(job)
    seconds = int(time.time() - job.document["TrainingStartTime"])
    return {
        "SecondaryStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": artifacts},
        "FinalMetricDataList": metrics.final(),
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
    }


class Metrics:
    """The last value of each metric whose regular expression matches a log line."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = {definition["Name"]: re.compile(definition["Regex"]) for definition in definitions}
        self._values: dict[str, dict[str, Any]] = {}

    def read(self, line: str) -> None:
        """Take the metrics of one line."""
        for name, pattern in self._patterns.items():
            match = pattern.search(line)
            if match:
                self._values[name] = {"MetricName": name, "Value": float(match[1]), "Timestamp": time.time()}

    def final(self) -> list[dict[str, Any]]:
        """`FinalMetricDataList`."""
        return list(self._values.values())


def _run_container(job: Job, command: list[str], environment: dict[str, str], metrics: Metrics) -> None:
    end = run_to_end(job, command, environment, job.open_log(metrics.read))
    if end.timed_out:
        raise JobFailedError(
            f"ClientError: MaxRuntimeExceeded: {end.time_limit_message}", SecondaryStatus="MaxRuntimeExceeded"
        )
    if end.exit_code != 0:
        cause = read_message(job.ml / "output" / "failure") or end.last_line
        raise JobFailedError(f"AlgorithmError: {cause}, exit code: {end.exit_code}", SecondaryStatus="Failed")


def _download_channels(job: Job) -> None:
    for channel in job.document.get("InputDataConfig", []):
        uri = S3Uri.parse(channel["DataSource"]["S3DataSource"]["S3Uri"])
        target = job.ml / "input" / "data" / channel["ChannelName"]
        target.mkdir(parents=True, exist_ok=True)
        try:
            download(job.client("s3"), uri, target)
        except NoObjectsError as error:
            raise JobFailedError(str(error)) from None


def _write_configuration(job: Job) -> None:
    directory = job.ml / "input" / "config"
    channels = {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", "File"),
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in job.document.get("InputDataConfig", [])
    }
    write_json(directory / "hyperparameters.json", job.document.get("HyperParameters", {}))
    write_json(directory / "inputdataconfig.json", channels)
    write_json(directory / "resourceconfig.json", resource_config(job.document["ResourceConfig"]["InstanceType"]))


def _upload_artifacts(job: Job) -> str:
    base = S3Uri.parse(job.document["OutputDataConfig"]["S3OutputPath"]) / job.name / "output"
    s3 = job.client("s3")
    for directory, name in (
        (job.ml / "model", "model.tar.gz"),
        (job.ml / "output" / "data", "output.tar.gz"),
    ):
        if any(directory.iterdir()):
            archive = _tar(directory, job.directory / name)
            target = base / name
            s3.upload_file(str(archive), target.bucket, target.key)
    return str(base / "model.tar.gz")


def _tar(directory: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(directory.iterdir()):
            tar.add(path, arcname=path.name)
    return archive


def _enter(job: Job, secondary_status: str, **changes: Any) -> None:
    """Move to the next secondary status, closing the one before."""
    now = time.time()
    transitions = [dict(transition) for transition in job.document["SecondaryStatusTransitions"]]
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": secondary_status, "StartTime": now, "StatusMessage": f"{secondary_status} on {HOST}"})
    job.change(SecondaryStatus=secondary_status, SecondaryStatusTransitions=transitions, **changes)
