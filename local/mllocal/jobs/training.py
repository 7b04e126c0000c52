"""A training job: channels in, `train` on every host, `model.tar.gz` out, metrics read from the logs as they are written."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mllocal.images import LocalImage
from mllocal.jobs import faults
from mllocal.jobs.artifacts import upload_model, upload_output
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
from mllocal.jobs.inputs import Source, download_to_hosts, reading
from mllocal.jobs.instance_metrics import put_memory
from mllocal.jobs.machines import Machines
from mllocal.jobs.runner import Job, JobFailedError, JobStoppedError
from mllocal.jobs.secondary import entered
from mllocal.jobs.sync import DirectorySync
from mllocal.s3 import NoObjectsError, S3Uri, download, objects_under
from mllocal.sagemaker.store import Document

DEFAULT_CHECKPOINTS = "/opt/ml/checkpoints"


class NoSpotInstanceError(JobStoppedError):
    """A job that ended without spot instances: nothing that it might have left is there to be saved."""


def run(job: Job) -> Document:
    """Run the job to its end. Raises `JobFailedError` with SageMaker's reason."""
    training = Training(job, resolve_image(job.document["AlgorithmSpecification"]["TrainingImage"]))
    try:
        end = training.run_attempts()
    except NoSpotInstanceError:
        raise
    except JobStoppedError:
        raise JobStoppedError(**training.save()) from None
    try:
        if not end.timed_out:
            _check(end)
    except JobFailedError:
        upload_output(job, training.cluster)
        raise
    return training.finish(end)


class Metrics:
    """Every value of each metric whose regular expression matches a log line, in `values`; and the last ones."""

    def __init__(self, definitions: list[dict[str, str]], values: dict[str, list[float]]) -> None:
        self._patterns = {definition["Name"]: re.compile(definition["Regex"]) for definition in definitions}
        self._last: dict[str, dict[str, Any]] = {}
        self._values = values

    def read(self, line: str) -> None:
        """Take the metrics of one line."""
        for name, pattern in self._patterns.items():
            match = pattern.search(line)
            if match:
                value = float(match[1])
                self._values.setdefault(name, []).append(value)
                self._last[name] = {"MetricName": name, "Value": value, "Timestamp": time.time()}

    def final(self) -> list[dict[str, Any]]:
        """`FinalMetricDataList`."""
        return list(self._last.values())


@dataclass(frozen=True)
class Checkpoints:
    """`CheckpointConfig`: a directory that is in S3 before, while and after a container runs."""

    uri: S3Uri
    local_path: str

    def restore(self, job: Job, cluster: Cluster) -> None:
        """Bring what an earlier job or attempt left to every host."""
        with reading(str(self.uri)):
            try:
                items = objects_under(job.client("s3"), self.uri / "")
            except NoObjectsError:
                return
        for host in cluster.hosts:
            download(job.client("s3"), items, host.local(self.local_path))


class Training:
    """One training job while it runs: an attempt is interrupted when its spot instances are taken back, and followed by another."""

    def __init__(self, job: Job, image: LocalImage) -> None:
        self._job = job
        self._image = image
        document = job.document
        self._metrics = Metrics(document["AlgorithmSpecification"].get("MetricDefinitions", []), job.metric_values)
        self._left_seconds = max_runtime_seconds(document)
        wanted = faults.requested(document)
        self._spot_seconds, self._has_spot = wanted.spot_seconds, wanted.has_spot
        self._checkpoints = _checkpoints(document)
        self.cluster = self._new_cluster()

    def run_attempts(self) -> ContainerEnd:
        """Run until an attempt ends that was not interrupted."""
        if self._spot_seconds is None:
            self.wait_for_spot()
        end = self.attempt()
        while self.was_interrupted(end):
            self.take_new_instances()
            end = self.attempt()
        return end

    def attempt(self) -> ContainerEnd:
        """Run on fresh instances until the containers are done, fail, or their time is over."""
        job = self._job
        _enter(job, "Downloading")
        for channel in job.document.get("InputDataConfig", []):
            _download(job, self.cluster, channel)
        for host in self.cluster.hosts:
            _prepare(job, host, self.cluster)
        if self._checkpoints is not None:
            self._checkpoints.restore(job, self.cluster)
        started = time.time()
        _enter(job, "Training", TrainingStartTime=job.document.get("TrainingStartTime", started))
        with DirectorySync(job.client("s3"), self._synchronized()):
            limit = min(self._left_seconds, self._spot_seconds or self._left_seconds)
            containers = start(job, self.cluster, self._program())
            end = run_to_end(job, containers, limit)
        put_memory(job, self.cluster.instance_type, containers)
        self._left_seconds -= time.time() - started
        return end

    def was_interrupted(self, end: ContainerEnd) -> bool:
        """Whether it ended because its spot instances were taken back, which happens once."""
        interrupted = end.timed_out and end.limit_seconds == self._spot_seconds
        self._spot_seconds = None
        return interrupted

    def take_new_instances(self) -> None:
        """Start again with empty instances: nothing of the old ones is left but their checkpoints."""
        _enter(self._job, "Interrupted")
        self.cluster.remove()
        _enter(self._job, "Starting")
        self.wait_for_spot()
        self.cluster = self._new_cluster()

    def wait_for_spot(self) -> None:
        """Return when there are instances. Raises `NoSpotInstanceError` when the job is stopped first, or has waited too long."""
        if self._has_spot:
            return
        document = self._job.document
        seconds = document["StoppingCondition"]["MaxWaitTimeInSeconds"]
        if self._job.is_stopping(max(0.0, document["CreationTime"] + seconds - time.time())):
            raise NoSpotInstanceError
        raise NoSpotInstanceError(**entered(document, "MaxWaitTimeExceeded"))

    def save(self) -> Document:
        """Upload what there is, the model of a stopped job included, as the service does; nothing if it did not train yet."""
        job = self._job
        if "TrainingStartTime" not in job.document:
            return {}
        _enter(job, "Uploading")
        artifacts = upload_model(job, self.cluster)
        upload_output(job, self.cluster)
        seconds = int(time.time() - job.document["TrainingStartTime"])
        return {
            "ModelArtifacts": {"S3ModelArtifacts": artifacts},
            "FinalMetricDataList": self._metrics.final(),
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": seconds,
        }

    def finish(self, end: ContainerEnd) -> Document:
        """Upload what there is. A job over its time keeps what it saved, and counts as stopped."""
        changes = self.save()
        if end.timed_out:
            document = self._job.document
            limit = f"{max_runtime_seconds(document):.0f}"
            reason = (
                f"MaxRuntimeExceeded: Job exceeded MaxRuntimeInSeconds of {limit}; raise it or give the job less to do"
            )
            raise JobStoppedError(**changes, **entered(document, "MaxRuntimeExceeded"), FailureReason=reason)
        return changes

    def _new_cluster(self) -> Cluster:
        machines = Machines.of(self._job.document["ResourceConfig"])
        return Cluster.create(self._job.directory, machines.instance_type, machines.count)

    def _program(self) -> Program:
        variables = self._variables()
        return Program(self._image, self._command(), lambda _: variables, self._metrics.read)

    def _command(self) -> list[str]:
        specification = self._job.document["AlgorithmSpecification"]
        entrypoint: list[str] = specification.get("ContainerEntrypoint", [])
        arguments: list[str] = specification.get("ContainerArguments", [])
        return [*entrypoint, *arguments] if entrypoint else self._image.train_command

    def _variables(self) -> dict[str, str]:
        return {
            **self.cluster.variables(),
            **self._job.document.get("Environment", {}),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": self._job.arn,
        }

    def _synchronized(self) -> dict[Path, S3Uri]:
        checkpoints = self._checkpoints
        if checkpoints is None:
            return {}
        return {host.local(checkpoints.local_path): checkpoints.uri for host in self.cluster.hosts}


def _checkpoints(document: Document) -> Checkpoints | None:
    given = document.get("CheckpointConfig")
    return given and Checkpoints(S3Uri.parse(given["S3Uri"]), given.get("LocalPath", DEFAULT_CHECKPOINTS))


def _check(end: ContainerEnd) -> None:
    fail_out_of_memory(end, "training")
    if not end.succeeded:
        cause = read_message(end.host.ml / "output" / "failure") or end.last_line
        raise JobFailedError(f"AlgorithmError: {cause}, exit code: {end.exit_code}")


def _download(job: Job, cluster: Cluster, channel: dict[str, Any]) -> None:
    source = Source.of(channel["DataSource"]["S3DataSource"], channel.get("ShuffleConfig", {}).get("Seed"))
    target: Callable[[Host], Path] = lambda host: host.ml / "input" / "data" / channel["ChannelName"]  # noqa: E731
    download_to_hosts(job, cluster, source, target)


def _prepare(job: Job, host: Host, cluster: Cluster) -> None:
    document = job.document
    directory = host.ml / "input" / "config"
    mode = document["AlgorithmSpecification"]["TrainingInputMode"]
    channels = {
        channel["ChannelName"]: _channel_configuration(channel, mode) for channel in document.get("InputDataConfig", [])
    }
    write_json(directory / "hyperparameters.json", document.get("HyperParameters", {}))
    write_json(directory / "inputdataconfig.json", channels)
    write_json(directory / "resourceconfig.json", cluster.resource_config(host))
    checkpoints = document.get("CheckpointConfig", {}).get("LocalPath", DEFAULT_CHECKPOINTS)
    for path in (host.ml / "model", host.ml / "output" / "data", host.local(checkpoints)):
        path.mkdir(parents=True, exist_ok=True)


def _channel_configuration(channel: dict[str, Any], default_mode: str) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "TrainingInputMode": channel.get("InputMode", default_mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
        **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
    }


def _enter(job: Job, status: str, **changes: Any) -> None:
    job.change(**entered(job.document, status), **changes)
