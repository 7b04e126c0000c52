"""Checks of training jobs, alone or in a tuning job, that the service makes and its model does not tell.

Source: API reference, ResourceConfig and StoppingCondition.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition, member, objects

_MACHINES = ("InstanceType", "InstancePreferences", "InstanceGroups")
# Members that say elsewhere what a job runs on.
_OTHER_MACHINES = ("ServerlessJobConfig", "HyperParameterTuningResourceConfig")


def machines(definition: Definition) -> Iterator[str]:
    """A job runs on one instance type, on the first of several that there is, or on groups; and on how many is known."""
    for label, job in _jobs(definition):
        resources = job.get("ResourceConfig")
        if not isinstance(resources, dict) or any(job.get(name) is not None for name in _OTHER_MACHINES):
            continue
        given = [name for name in _MACHINES if resources.get(name)]
        if len(given) != 1:
            got = " and ".join(given) if given else f"neither {', '.join(_MACHINES[:-1])} nor {_MACHINES[-1]}"
            yield f"{label}: ResourceConfig has {got}; give exactly one of them"
        elif resources.get("InstanceCount") is None and _uncounted(resources, given[0]):
            yield f"{label}: ResourceConfig has {given[0]} without an InstanceCount; add it"


def _uncounted(resources: JsonObject, given: str) -> bool:
    return given == "InstanceType" or any(
        entry.get("InstanceCount") is None for entry in objects(resources.get("InstancePreferences"))
    )


def spot(definition: Definition) -> Iterator[str]:
    """A job on spot instances names one type, and waits at least as long as it may run."""
    for label, job in _jobs(definition):
        if job.get("EnableManagedSpotTraining") is not True:
            continue
        if member(job, "ResourceConfig", "InstancePreferences"):
            yield f"{label} has EnableManagedSpotTraining and InstancePreferences, which are on-demand only; drop one of them"
        run, wait = (member(job, "StoppingCondition", name) for name in ("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds"))
        if wait is None:
            yield f"{label} has EnableManagedSpotTraining and no MaxWaitTimeInSeconds in its StoppingCondition; add it"
        elif isinstance(run, int) and isinstance(wait, int) and wait < run:
            yield f"{label} has MaxWaitTimeInSeconds {wait}, less than its MaxRuntimeInSeconds {run}; it counts both, so use more"


def _jobs(definition: Definition) -> Iterator[tuple[str, JsonObject]]:
    for label, step in definition.labelled_steps():
        arguments = step.get("Arguments")
        if not isinstance(arguments, dict):
            continue
        if step.get("Type") == "Training":
            yield label, arguments
        elif step.get("Type") == "Tuning":
            several = objects(arguments.get("TrainingJobDefinitions"))
            for job in [arguments.get("TrainingJobDefinition"), *several]:
                if isinstance(job, dict):
                    yield label, job


CHECKS: tuple[Check, ...] = (
    machines,
    spot,
)
