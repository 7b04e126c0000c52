"""The machines that train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlpipelines import InstancePreference, ManagedSpotTraining
from mlplatform.pipeline.jobs import JobResources
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.scaling import InstanceLadder

_ATTEMPTS = 3
_MOST_ATTEMPTS = 10
_MAX_PREFERENCES = 5  # API reference, ResourceConfig, InstancePreferences.


@dataclass(frozen=True, kw_only=True)
class TrainingResources(JobResources):
    """The machines of a training job. More than one instance makes a distributed job, whose traffic is encrypted.

    With `spot`, the job runs on spare capacity, at up to 90 % less (Amazon SageMaker pricing, managed spot training): it
    waits for it, is interrupted, and goes on from its checkpoints in `/opt/ml/checkpoints`, all within
    `max_wait_minutes`; twice `max_runtime_minutes` when not given.
    Without it, `fallback_instance_types` are tried in order when there is no capacity of `instance_type`.

    With a `ladder`, each execution takes the type that is cheapest to expect, by the bytes of its training set and by what
    earlier training jobs of the pipeline used; `instance_type` is not looked at, nor is the ladder's `max_instances`. An
    execution whose job runs out of memory, or finds no capacity, is started again by itself, on another type, until it
    was the `max_attempts`th, 3 when not given. Without one, all executions train on `instance_type`.

    With `ready_within_minutes` besides `spot`, the model has to be ready so long after the start of the first execution: an
    execution whose job still waits when there is just time to train on demand is stopped, and done on demand. How long that
    takes is what earlier executions took, or `max_runtime_minutes` before there is one. One whose job finds no spot capacity
    is started again, at last on demand. Without it, a job on spot capacity waits for `max_wait_minutes`, whatever that means.

    Raises `InvalidPropsError` with everything that does not go together.
    """

    spot: bool = False
    max_wait_minutes: int | None = None
    fallback_instance_types: tuple[str, ...] = ()
    ladder: InstanceLadder | None = None
    max_attempts: int | None = None
    ready_within_minutes: int | None = None

    def __post_init__(self) -> None:
        raise_if_any("TrainingResources", self._problems())

    @property
    def instance_types(self) -> tuple[str, ...]:
        """All types that the job may run on, the first choice first."""
        if self.ladder is not None:
            return self.ladder.instance_types
        return (self.instance_type, *self.fallback_instance_types)

    @property
    def watched_ladder(self) -> InstanceLadder | None:
        """What executions are planned on, and started again on: the ladder, or the one type where there is a deadline."""
        if self.ladder is None and self.ready_within_minutes is not None:
            return InstanceLadder.of(self.instance_type)
        return self.ladder

    @property
    def attempts(self) -> int:
        """How many executions are started at most for one, itself included."""
        return _ATTEMPTS if self.max_attempts is None else self.max_attempts

    @property
    def preferences(self) -> tuple[InstancePreference, ...]:
        """The types in order, if there are several."""
        types = (self.instance_type, *self.fallback_instance_types) if self.fallback_instance_types else ()
        return tuple(InstancePreference(instance_type=kind) for kind in types)

    @property
    def managed_spot(self) -> ManagedSpotTraining | None:
        """What a spot job is told; None for one on demand."""
        wait = 2 * self.max_runtime_minutes if self.max_wait_minutes is None else self.max_wait_minutes
        return ManagedSpotTraining(max_wait_seconds=wait * 60) if self.spot else None

    def volume_kms_key_id(self, key_arn: str) -> str | None:
        """The key for the volumes; none if any type has only disks of its own: one request is for all types."""
        keys = [JobResources(instance_type=kind).volume_kms_key_id(key_arn) for kind in self.instance_types]
        return key_arn if all(keys) else None

    def _problems(self) -> Iterator[str]:
        if self.spot and self.fallback_instance_types:
            yield "spot and fallback_instance_types exclude each other in SageMaker; use one of them"
        if self.max_wait_minutes is not None and not self.spot:
            yield f"max_wait_minutes is {self.max_wait_minutes} without spot; leave it out, or set spot=True"
        if self.max_wait_minutes is not None and self.max_wait_minutes < self.max_runtime_minutes:
            yield (
                f"max_wait_minutes is {self.max_wait_minutes} and includes the run of up to {self.max_runtime_minutes}; "
                f"use {self.max_runtime_minutes} or more"
            )
        if self.ladder is None and len(self.instance_types) > _MAX_PREFERENCES:
            yield f"there are {len(self.instance_types)} instance types; use at most {_MAX_PREFERENCES}"
        if self.ready_within_minutes is not None and not self.spot:
            yield f"ready_within_minutes is {self.ready_within_minutes} without spot; leave it out, or set spot=True"
        if self.ready_within_minutes is not None and self.ready_within_minutes < 1:
            yield f"ready_within_minutes is {self.ready_within_minutes}; use 1 or more"
        yield from self._ladder_problems()
        for kind in sorted({kind for kind in self.instance_types if self.instance_types.count(kind) > 1}):
            yield f"instance type {kind} is named twice; name each once"

    def _ladder_problems(self) -> Iterator[str]:
        if self.ladder is not None and self.fallback_instance_types:
            yield "ladder and fallback_instance_types both say what to do without capacity; put the types on the ladder"
        if self.ladder is None and self.ready_within_minutes is None and self.max_attempts is not None:
            yield f"max_attempts is {self.max_attempts} without a ladder, so another attempt would be the same; give a ladder"
        if not 1 <= self.attempts <= _MOST_ATTEMPTS:
            yield f"max_attempts is {self.max_attempts}; use 1 to {_MOST_ATTEMPTS}, where 1 never starts an execution again"
