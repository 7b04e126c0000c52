"""A job that says what is installed in an image: for images whose labels do not."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from mlp.errors import CliError, ExitCode
from mlp.job_logs import JobLogs
from mlp.model import LogSource
from mlrecords.packages import LOOK, installed_of
from mlrecords.pins.images import at_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlp.output import Output
    from mlp.target import Target
    from mlrecords.record import Image, RunRecord

DEFAULT_INSTANCE_TYPE = "ml.m5.large"
_GIB, _MINUTES = 30, 15
_POLL_SECONDS = 2.0
_ENDED = ("Completed", "Failed", "Stopped")


def probe_image(target: Target, out: Output, record: RunRecord, image: Image, instance_type: str) -> dict[str, Any]:
    """Python and packages of an image, by a processing job that runs as the run did. Raises CliError if it fails."""
    sagemaker = target.client("sagemaker")
    name = f"probe-{(image.digest or '').removeprefix('sha256:')[:12]}-{uuid.uuid4().hex[:8]}"
    sagemaker.create_processing_job(**_request(record, image, instance_type, name))
    out.say(f"job {name} looks into {image.uri}")
    job = _ended(sagemaker, name)
    source = LogSource(group="/aws/sagemaker/ProcessingJobs", stream_prefix=f"{name}/", start=None, end=None)
    found = [line.text for line in JobLogs(target).read(source) if line.text.startswith("{")]
    if job["ProcessingJobStatus"] != "Completed" or not found:
        raise CliError(
            f"job {name} did not say what is installed: {job.get('FailureReason', 'its log has no line of JSON')}",
            fix="the image needs `python3`, 3.8 or newer, in its PATH; otherwise label it as docs/run-records.md shows",
            exit_code=ExitCode.RUN_FAILED,
        )
    installed = installed_of(json.loads(found[-1]))
    return {"python": installed.python, "packages": dict(installed.packages)}


def _request(record: RunRecord, image: Image, instance_type: str, name: str) -> dict[str, Any]:
    """With the role, the network, the volume's key and the tags of the run, as the guardrails of its project ask."""
    request = record.request
    cluster = {"InstanceType": instance_type, "InstanceCount": 1, "VolumeSizeInGB": _GIB}
    key = _volume_key(request)
    network = request.get("NetworkConfig") or {
        "VpcConfig": request.get("VpcConfig"),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation"),
        "EnableInterContainerTrafficEncryption": request.get("EnableInterContainerTrafficEncryption"),
    }
    return {
        "ProcessingJobName": name,
        "RoleArn": request.get("RoleArn") or _no_role(record),
        "AppSpecification": {
            "ImageUri": at_digest(image.uri, image.digest),
            "ContainerEntrypoint": ["python3", "-c", LOOK],
        },
        "ProcessingResources": {"ClusterConfig": {**cluster, **({"VolumeKmsKeyId": key} if key else {})}},
        "StoppingCondition": {"MaxRuntimeInSeconds": _MINUTES * 60},
        "NetworkConfig": {member: value for member, value in network.items() if value is not None},
        "Tags": [
            {"Key": key, "Value": value}
            for key, value in record.tags.items()
            if not key.startswith(("aws:", "sagemaker:"))
        ],
    }


def _volume_key(request: Mapping[str, Any]) -> str | None:
    cluster = request.get("ProcessingResources", {}).get("ClusterConfig", {})
    key: str | None = (request.get("ResourceConfig") or request.get("TransformResources") or cluster).get(
        "VolumeKmsKeyId"
    )
    return key


def _no_role(record: RunRecord) -> str:
    raise CliError(
        f"the record of {record.identity.kind} {record.identity.name} names no role to look into its image with",
        fix="probe the training or processing job that ran in the same image",
        exit_code=ExitCode.NOT_FOUND,
    )


def _ended(sagemaker: Any, name: str) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] in _ENDED:
            return job
        time.sleep(_POLL_SECONDS)
