"""The training job definitions of a tuning job, as requests for training jobs."""

from __future__ import annotations

from mllocal.jobs.literals import items
from mllocal.sagemaker.store import Document

# Members of a definition that are not members of a training job.
_TUNING_ONLY = {
    "DefinitionName",
    "TuningObjective",
    "HyperParameterRanges",
    "StaticHyperParameters",
    "HyperParameterTuningResourceConfig",
}
_SAME_IN_RESOURCES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def training_request(definition: Document) -> Document:
    """What every training job of a definition has in common: all but its name and its tuned hyperparameters."""
    request = {name: value for name, value in definition.items() if name not in _TUNING_ONLY and value is not None}
    resources = definition.get("HyperParameterTuningResourceConfig")
    return request if resources is None else {**request, "ResourceConfig": _resource_config(resources)}


def _resource_config(resources: Document) -> Document:
    """`InstanceConfigs` are in order of priority, as `InstancePreferences` are; the first one's volume is for all."""
    config = {name: resources[name] for name in _SAME_IN_RESOURCES if name in resources}
    several = items(resources, "InstanceConfigs")
    if not several:
        return config
    preferences = [{name: one[name] for name in ("InstanceType", "InstanceCount") if name in one} for one in several]
    return {"VolumeSizeInGB": several[0].get("VolumeSizeInGB", 30), **config, "InstancePreferences": preferences}
