"""The models of a `ComponentEndpoint`: what each needs, and what keeps them from being one endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mlpipelines.instance_types import INSTANCE_TYPES
from mlplatform.batch_inference.options import NewestApproved
from mlplatform.endpoint.options import EndpointModel, proof_problems
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.scaling import ScalingProof
from mlscaling import Scaling, Signal

LEAST_MEMORY_MB = 128  # API reference, InferenceComponentComputeResourceRequirements.
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_LONGEST_NAME = 63  # API reference, CreateInferenceComponent.
_MIB_PER_GIB = 1024


@dataclass(frozen=True, kw_only=True)
class InferenceComponent:
    """One model of a `ComponentEndpoint`, with what each copy of it needs.

    Parameters:
        name: the component is called `<endpoint>-<name>`; callers give that as `InferenceComponentName`.
        model: the newest approved version when a deployment looks, or a pinned one.
        memory_mb: that is kept for each copy; 1024 when not given.
        cpus: cores that are kept for each copy, and so how many requests it is thought to work on at once.
        gpus: accelerators that are kept for each copy.
        copies: how many there are, if nothing scales them.
        scaling: what scales the copies. With `minimum=0` and `WAKE_FROM_ZERO` among the steps, there is none while nobody asks.
        proof: what `scaling` is proved on at synthesis.

    Raises `InvalidPropsError` with everything that is wrong.
    """

    name: str
    model: EndpointModel = field(default_factory=NewestApproved)
    memory_mb: int = 1024
    cpus: int = 1
    gpus: int = 0
    copies: int = 1
    scaling: Scaling | None = None
    proof: ScalingProof | None = None

    def __post_init__(self) -> None:
        raise_if_any(f"InferenceComponent '{self.name}'", self._problems())

    def _problems(self) -> Iterator[str]:
        if _NAME.fullmatch(self.name) is None:
            yield f"name is '{self.name}'; use letters and digits with hyphens between, such as 'prices'"
        if self.memory_mb < LEAST_MEMORY_MB:
            yield f"memory_mb is {self.memory_mb}; use {LEAST_MEMORY_MB} or more"
        for name, value in (("cpus", self.cpus), ("copies", self.copies)):
            if value < 1:
                yield f"{name} is {value}; use 1 or more"
        if self.gpus < 0:
            yield f"gpus is {self.gpus}; use 0 or more"
        if self.scaling is not None and self.copies != 1:
            yield f"copies is {self.copies}, and there is scaling, which decides on it; leave one out"
        yield from proof_problems(self.scaling, self.proof)

    @property
    def most_copies(self) -> int:
        """How many there may be."""
        return self.copies if self.scaling is None else self.scaling.maximum

    @property
    def first_copies(self) -> int:
        """With how many it is created: one at least, so that a deployment fails with a version that does not start."""
        return self.copies if self.scaling is None else max(self.scaling.minimum, 1)

    def requirements(self) -> dict[str, int]:
        """`ComputeResourceRequirements` as the API writes it."""
        accelerators = {"NumberOfAcceleratorDevicesRequired": self.gpus} if self.gpus else {}
        return {"NumberOfCpuCoresRequired": self.cpus, "MinMemoryRequiredInMb": self.memory_mb, **accelerators}


def naming_problems(endpoint_name: str, components: Sequence[InferenceComponent]) -> Iterator[str]:
    """A sentence for each name that cannot be, and for a policy that watches what components do not have."""
    if not components:
        yield "there are no components; give one for each model, such as InferenceComponent(name='prices')"
    names = [it.name for it in components]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two components are called '{name}'; give each a name of its own"
    for name in names:
        if len(whole := f"{endpoint_name}-{name}") > _LONGEST_NAME:
            yield f"component '{whole}' has {len(whole)} characters; use shorter names, for {_LONGEST_NAME} at most"
    for it in components:
        if it.scaling is not None and Signal.FAST_INVOCATIONS in it.scaling.signals:
            yield f"scaling of component '{it.name}' is on FAST_INVOCATIONS, which components do not have; use CONCURRENT_REQUESTS"


def room_problems(components: Sequence[InferenceComponent], instance_type: str, max_instances: int) -> Iterator[str]:
    """A sentence for what cannot have room, of an instance type whose size is known."""
    if max_instances < 1:
        yield f"max_instances is {max_instances}; use 1 or more"
        return
    known = INSTANCE_TYPES.get(instance_type)
    if known is None:
        return
    whole = {"cpus": known.vcpus, "gpus": known.gpus, "memory_mb": known.memory_gib * _MIB_PER_GIB}
    for what, has in whole.items():
        for it in components:
            if (one := getattr(it, what)) > has:
                yield f"a copy of '{it.name}' has {what} {one}, and {instance_type} has {has:g}; take a larger type"
        needed = sum(getattr(it, what) * it.most_copies for it in components)
        if needed > has * max_instances:
            yield (
                f"all copies at their maximum need {what} {needed:g}, and {max_instances} of {instance_type} have "
                f"{has * max_instances:g}; raise max_instances, or take a larger type"
            )
