"""Faults of the service that a job asks for, so that retries and checkpoints can be tried out.

A tag `mlp:fault` or an environment variable `MLP_FAULT` holds what happens, in this order, separated by spaces: `capacity:2` fails
the first two attempts for lack of capacity, `internal:1` the next one with an internal error; `spot:3s` takes the spot instances of a
training job back after three seconds, once in each job; with `spot:none` none come, or none after those were taken back. Attempts are
counted for each step of a pipeline execution, or else for each job; an attempt with `InstancePreferences` tries each of them in turn.
`capacity:ml.m5.large` has no instance of that type, however often it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mllocal.jobs.runner import Job
from mllocal.sagemaker.store import Document

TAG = "mlp:fault"
VARIABLE = "MLP_FAULT"
_EXECUTION_TAG = "sagemaker:pipeline-execution-arn"
_STEP_TAG = "sagemaker:pipeline-step-name"
NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
_REASONS = {
    "capacity": NO_CAPACITY,
    "internal": "InternalServerError: We encountered an internal error. Please try again.",
}
_WORD = re.compile(
    r"(?P<kind>capacity|internal):(?P<count>\d+)|capacity:(?P<type>ml\.[\w.-]+)|spot:(?P<seconds>\d+(\.\d+)?)s|(?P<none>spot:none)"
)


class FaultError(Exception):
    """Text that asks for no fault there is."""


@dataclass(frozen=True)
class Faults:
    """What a job asks for. `reasons` are those of its first attempts, one for each; of `scarce` types there is no instance."""

    reasons: tuple[str, ...] = ()
    scarce: tuple[str, ...] = ()
    spot_seconds: float | None = None
    has_spot: bool = True

    @property
    def are_of_spot(self) -> bool:
        """Whether only jobs on spot capacity can have them."""
        return self.spot_seconds is not None or not self.has_spot

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Raises `FaultError` for text that means nothing."""
        reasons: list[str] = []
        scarce: list[str] = []
        spot_seconds, has_spot = None, True
        for word in text.split():
            match = _WORD.fullmatch(word)
            if match is None:
                raise FaultError(
                    f"{word!r} asks for no fault there is; write capacity:<attempts>, "
                    "capacity:<instance type>, internal:<attempts>, spot:<seconds>s or spot:none"
                )
            if match["kind"]:
                reasons += [_REASONS[match["kind"]]] * int(match["count"])
            elif match["type"]:
                scarce.append(match["type"])
            elif match["none"]:
                has_spot = False
            else:
                spot_seconds = float(match["seconds"])
        return cls(tuple(reasons), tuple(scarce), spot_seconds, has_spot)


def requested(document: Document) -> Faults:
    """The faults that a job or a request for one asks for: the environment variable wins over the tag."""
    variable = document.get("Environment", {}).get(VARIABLE)
    return Faults.parse(_tags(document).get(TAG, "") if variable is None else variable)


def reasons_of_attempt(job: Job, instance_types: Sequence[str]) -> list[str | None]:
    """Why this attempt fails to get machines of each of the types that it tries in turn; None for those that it gets."""
    faults, tries = requested(job.document), len(instance_types)
    first = _attempt(job) * tries if faults.reasons else 0
    upcoming = faults.reasons[first : first + tries]
    counted = [*upcoming, *(None for _ in range(tries - len(upcoming)))]
    return [
        NO_CAPACITY if reason is None and tried in faults.scarce else reason
        for reason, tried in zip(counted, instance_types, strict=True)
    ]


def _attempt(job: Job) -> int:
    """How many jobs the same step of the same execution made before this one."""
    mine = _step(job.document)
    if None in mine:
        return 0
    earlier = job.store.find(job.kind.name, job.scope)
    arns = [document[job.kind.arn_field] for document in earlier if _step(document) == mine]
    return arns.index(job.arn)


def _step(document: Document) -> tuple[str | None, str | None]:
    tags = _tags(document)
    return tags.get(_EXECUTION_TAG), tags.get(_STEP_TAG)


def _tags(document: Document) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in document.get("Tags", [])}
