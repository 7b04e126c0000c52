"""`InstanceLadder`: the machines that a job may run on, and how it climbs. One policy for batch inference and training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlpipelines.instance_types import INSTANCE_TYPES
from mlplatform import naming
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project.limits import JobLimits, takes_volume_key

MAX_INSTANCES = 100
_LARGEST_SAFETY = 10


@dataclass(frozen=True)
class Rung:
    """One instance type of a ladder.

    Memory, vCPUs and price of types that the platform knows (`INSTANCE_TYPES`) may be left out; other types have to say
    `memory_gib`. Raises `InvalidPropsError` for a type that is none, or whose numbers are missing or not positive.
    """

    instance_type: str
    memory_gib: float | None = None
    vcpus: int | None = None
    usd_per_hour: float | None = None

    def __post_init__(self) -> None:
        known = INSTANCE_TYPES.get(self.instance_type)
        if known is not None:
            for name in ("memory_gib", "vcpus", "usd_per_hour"):
                if getattr(self, name) is None:
                    object.__setattr__(self, name, getattr(known, name))
        raise_if_any("Rung", self._problems())

    def _problems(self) -> Iterator[str]:
        yield from naming.problems(naming.INSTANCE_TYPE, [self.instance_type])
        if self.memory_gib is None:
            yield (
                f"the platform does not know {self.instance_type}; give its memory, "
                f"such as Rung('{self.instance_type}', memory_gib=16)"
            )
        for name in ("memory_gib", "vcpus", "usd_per_hour"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                yield f"{name} of {self.instance_type} is {value}; use more than 0, or leave it out"


@dataclass(frozen=True, kw_only=True)
class InstanceLadder:
    """Which instance types a job may run on, and how many at once.

    A job runs on the type that is cheapest to expect, by the price and by what earlier runs of the same step needed of
    memory. One that runs out of memory never runs on so little again with as much input; one for which AWS has no capacity
    moves to another type that is large enough, and comes back after a while. What was learned stays with the pipeline.

    When to use: leave it out, and the ladder has every type that the project may use and the platform knows, without
    GPUs. Give one to have others, or to let a model have a GPU:
    `InstanceLadder.of("ml.m5.xlarge", "ml.r5.xlarge", Rung("ml.m8i.xlarge", memory_gib=16))`.

    Parameters:
        rungs: the types. Their order decides between equals, and everything as long as a price is not known: then a job
            runs on the first one that is large enough.
        max_instances: how many instances one job has at most.
        memory_safety: a job is expected to be able to need so many times as much as the worst one before it.

    Raises `InvalidPropsError` with everything that is wrong.
    """

    rungs: tuple[Rung, ...]
    max_instances: int = 4
    memory_safety: float = 1.1

    def __post_init__(self) -> None:
        raise_if_any("InstanceLadder", self._problems())

    @classmethod
    def of(cls, *rungs: Rung | str, max_instances: int = 4, memory_safety: float = 1.1) -> InstanceLadder:
        """A ladder of types by name, or by `Rung` where the platform does not know a type."""
        return cls(
            rungs=tuple(Rung(rung) if isinstance(rung, str) else rung for rung in rungs),
            max_instances=max_instances,
            memory_safety=memory_safety,
        )

    @classmethod
    def within(cls, limits: JobLimits, *, max_instances: int = 4) -> InstanceLadder:
        """The ladder of a project that says nothing: its known types without GPUs, the cheapest first.

        Types without a known price come after the others, the smallest first. Raises `InvalidPropsError` if none is left.
        """
        usable = [
            Rung(name) for name in limits.instance_types if name in INSTANCE_TYPES and not INSTANCE_TYPES[name].gpus
        ]
        if not usable:
            raise_if_any("InstanceLadder", [_nothing_usable(limits.instance_types)])
        return cls(rungs=tuple(sorted(usable, key=_price_then_size)), max_instances=max_instances)

    @property
    def instance_types(self) -> tuple[str, ...]:
        """All types, the first choice first."""
        return tuple(rung.instance_type for rung in self.rungs)

    def problems(self, limits: JobLimits) -> Iterator[str]:
        """A sentence for each type that the project may not use."""
        for name in self.instance_types:
            if name not in limits.instance_types:
                yield (
                    f"the ladder has {name}, which the project may not use; take one of "
                    f"{', '.join(limits.instance_types)}, or have '{name}' added to the project's instance_types"
                )

    def to_json(self) -> dict[str, Any]:
        """What `mlscaling.jobs.ladder` reads at run time."""
        return {
            "rungs": [asdict(rung) for rung in self.rungs],
            "max_instances": self.max_instances,
            "memory_safety": self.memory_safety,
        }

    def _problems(self) -> Iterator[str]:
        if not self.rungs:
            yield "rungs is empty, so no job could run; name at least one type, such as InstanceLadder.of('ml.m5.large')"
        for name in sorted({name for name in self.instance_types if self.instance_types.count(name) > 1}):
            yield f"instance type {name} is on the ladder twice; name each once"
        nvme = [name for name in self.instance_types if not takes_volume_key(name)]
        if nvme and len(nvme) < len(self.rungs):
            yield (
                f"{', '.join(nvme)} encrypt their own NVMe disks and take no key for a volume, which the other types of the "
                "ladder need; name types of one kind"
            )
        if not 1 <= self.max_instances <= MAX_INSTANCES:
            yield f"max_instances is {self.max_instances}; use 1 to {MAX_INSTANCES}"
        if not 1 <= self.memory_safety <= _LARGEST_SAFETY:
            yield f"memory_safety is {self.memory_safety}; use 1 to {_LARGEST_SAFETY}, such as 1.1"


def _price_then_size(rung: Rung) -> tuple[float, float, str]:
    price, memory = (math.inf if value is None else value for value in (rung.usd_per_hour, rung.memory_gib))
    return price, memory, rung.instance_type


def _nothing_usable(names: Sequence[str]) -> str:
    return (
        f"none of the project's instance types ({', '.join(names)}) is one without a GPU whose memory the platform knows; "
        "give a ladder, such as InstanceLadder.of(Rung('ml.m8i.xlarge', memory_gib=16))"
    )
