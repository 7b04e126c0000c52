"""The machines of a job: so many of one type, or the first of several preferences that has capacity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from mllocal.jobs import faults
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.sagemaker.store import Document

_RESOURCES = {
    "ProcessingJob": ("ProcessingResources", "ClusterConfig"),
    "TrainingJob": ("ResourceConfig",),
    "TransformJob": ("TransformResources",),
}


@dataclass(frozen=True)
class Machines:
    """Instances of one type."""

    instance_type: str
    count: int

    @classmethod
    def of(cls, resources: Document) -> Machines:
        """Those that a job runs on, from where its document says so; the selected ones, if it has preferences."""
        instance_type = resources.get("SelectedInstanceType") or resources["InstanceType"]
        return cls(instance_type, resources.get("SelectedInstanceCount") or resources.get("InstanceCount", 1))


def take_machines(job: Job) -> None:
    """Take the first machines that have capacity. Raises `JobFailedError` when this attempt is one that is to fail."""
    place = _RESOURCES[job.kind.name]
    resources = reduce(lambda document, name: document[name], place, job.document)
    preferences = resources.get("InstancePreferences", [])
    reasons = faults.reasons_of_attempt(job, [wanted.get("InstanceType", "") for wanted in preferences or [resources]])
    for number, reason in enumerate(reasons):
        if reason is None:
            if preferences:
                _select(job, place, preferences[number])
            return
        if reason != faults.NO_CAPACITY:
            break
    raise JobFailedError(str(reason))


def _select(job: Job, place: tuple[str, ...], preference: Document) -> None:
    def select(document: Document) -> None:
        resources = reduce(lambda inner, name: inner[name], place, document)
        count = preference.get("InstanceCount") or resources["InstanceCount"]
        resources.update({"SelectedInstanceType": preference["InstanceType"], "SelectedInstanceCount": count})

    job.document = job.store.update(job.arn, select)
