"""What a project adds to the jobs of a definition that was made elsewhere, wherever the definition does not say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlpipelines.expressions import JsonObject
from mlpipelines.mlflow import MlflowConfig, with_mlflow
from mlpipelines.options import NetworkConfig
from mlpipelines.reading import iter_steps


@dataclass(frozen=True, kw_only=True)
class JobDefaults:
    """A project's key, network, longest runtime, tags and MLflow.

    `volume_kms_key_id` gives the key for the volume of an instance type, or None where it has no volume to encrypt.
    Tags are the project's even where the definition has others under the same keys: costs and runs are told by them.
    """

    kms_key_id: str
    volume_kms_key_id: Callable[[str], str | None]
    network: NetworkConfig | None = None
    max_runtime_seconds: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    mlflow: MlflowConfig | None = None


def with_job_defaults(definition: JsonObject, defaults: JobDefaults) -> JsonObject:
    """A copy of a definition whose jobs and models are encrypted, connected and tagged as the project's own."""
    copied: JsonObject = json.loads(json.dumps(definition))  # A quarter of deepcopy's time.
    for step in iter_steps(copied):
        complete = _COMPLETE.get(str(step.get("Type")))
        if complete is not None and isinstance(step.get("Arguments"), dict):
            complete(step["Arguments"], defaults)
    return with_mlflow(copied, defaults.mlflow)


def _processing(request: JsonObject, defaults: JobDefaults) -> None:
    if defaults.network is not None:
        given = _part(request, "NetworkConfig") or {}
        request["NetworkConfig"] = {**defaults.network.processing_network_config(), **given}
    _key(_part(request, "ProcessingOutputConfig"), defaults)
    _volume(_part(request, "ProcessingResources", "ClusterConfig"), defaults)
    _runtime(request, defaults)
    _tags(request, defaults)


def _training(request: JsonObject, defaults: JobDefaults) -> None:
    _training_job(request, defaults)
    _tags(request, defaults)


def _training_job(job: JsonObject, defaults: JobDefaults) -> None:
    _vpc(job, defaults)
    if defaults.network is not None and defaults.network.encrypt_inter_container_traffic:
        job.setdefault("EnableInterContainerTrafficEncryption", True)
    _key(_part(job, "OutputDataConfig"), defaults)
    _volume(_part(job, "ResourceConfig"), defaults)
    _volume(_part(job, "HyperParameterTuningResourceConfig"), defaults)  # SDK 2's.
    _runtime(job, defaults)


def _tuning(request: JsonObject, defaults: JobDefaults) -> None:
    single = _part(request, "TrainingJobDefinition")
    several = request.get("TrainingJobDefinitions")
    for job in [single, *(several if isinstance(several, list) else [])]:
        if isinstance(job, dict):
            _training_job(job, defaults)
    _tags(request, defaults)


def _transform(request: JsonObject, defaults: JobDefaults) -> None:
    _key(_part(request, "TransformOutput"), defaults)
    _volume(_part(request, "TransformResources"), defaults)
    _tags(request, defaults)


def _model(request: JsonObject, defaults: JobDefaults) -> None:
    _vpc(request, defaults)
    _tags(request, defaults)


_COMPLETE: Mapping[str, Callable[[JsonObject, JobDefaults], None]] = {
    "Processing": _processing,
    "QualityCheck": _processing,
    "ClarifyCheck": _processing,
    "Training": _training,
    "Tuning": _tuning,
    "Transform": _transform,
    "Model": _model,
}


def _part(value: Any, *path: str) -> JsonObject | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else None


def _vpc(request: JsonObject, defaults: JobDefaults) -> None:
    vpc = None if defaults.network is None else defaults.network.vpc_config()
    if vpc is not None:
        request.setdefault("VpcConfig", vpc)


def _runtime(request: JsonObject, defaults: JobDefaults) -> None:
    if defaults.max_runtime_seconds is not None:
        limits = request.setdefault("StoppingCondition", {})
        if isinstance(limits, dict):
            limits.setdefault("MaxRuntimeInSeconds", defaults.max_runtime_seconds)


def _key(output: JsonObject | None, defaults: JobDefaults) -> None:
    if output is not None:
        output.setdefault("KmsKeyId", defaults.kms_key_id)


def _volume(cluster: JsonObject | None, defaults: JobDefaults) -> None:
    # A type that an execution chooses may have no volume, and SageMaker refuses a key for those.
    kinds = [] if cluster is None else _instance_types(cluster)
    keys = [defaults.volume_kms_key_id(kind) if isinstance(kind, str) else None for kind in kinds]
    if cluster is not None and keys and None not in keys:
        cluster.setdefault("VolumeKmsKeyId", keys[0])


def _instance_types(cluster: JsonObject) -> list[object]:
    several = [*(cluster.get("InstancePreferences") or []), *(cluster.get("InstanceGroups") or [])]
    kinds = [cluster.get("InstanceType"), *(entry.get("InstanceType") for entry in several if isinstance(entry, dict))]
    return [kind for kind in kinds if kind is not None]


def _tags(request: JsonObject, defaults: JobDefaults) -> None:
    given = request.get("Tags")
    own = [tag for tag in given if tag.get("Key") not in defaults.tags] if isinstance(given, list) else []
    request["Tags"] = [*own, *({"Key": key, "Value": value} for key, value in sorted(defaults.tags.items()))]
