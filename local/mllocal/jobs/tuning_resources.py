"""What the jobs of a tuning job run on: SDK 2 writes HyperParameterTuningResourceConfig for what SDK 3 calls ResourceConfig."""

from __future__ import annotations

from collections.abc import Iterator

from mllocal.sagemaker.store import Document

_SHARED = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def with_resource_config(definition: Document) -> Document:
    """A training job definition whose ResourceConfig is what its jobs run on."""
    resources = definition.get("HyperParameterTuningResourceConfig")
    if resources is None:
        return definition
    shared = {name: resources[name] for name in _SHARED if resources.get(name) is not None}
    return {**definition, "ResourceConfig": shared}


def resource_refusals(definition: Document, field: str) -> Iterator[str]:
    """Why the jobs cannot run on it here: one instance type is possible, and no choice between several."""
    if "HyperParameterTuningResourceConfig" not in definition:
        return
    if definition.get("ResourceConfig") is not None:
        yield f"{field} has ResourceConfig and HyperParameterTuningResourceConfig; give one of them"
    if (definition["HyperParameterTuningResourceConfig"] or {}).get("InstanceConfigs"):
        yield (
            f"{field}.HyperParameterTuningResourceConfig.InstanceConfigs is not one the embedded AWS does; "
            "give InstanceType, InstanceCount and VolumeSizeInGB"
        )
