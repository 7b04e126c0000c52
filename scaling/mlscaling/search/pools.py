"""Which instance types an endpoint asks for: the one whose policy costs least, and those that may stand in where it has no capacity.

Sources: Amazon SageMaker API reference, `ProductionVariant` (`InstancePools`: up to five types, in order of preference).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mlscaling.replay.fleet import Fleet
from mlscaling.search.choosing import Compiled

MOST_FALLBACKS = 4


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """A type with what one instance of it serves and costs."""

    name: str
    fleet: Fleet
    usd_per_instance_hour: float


@dataclass(frozen=True, kw_only=True)
class CompiledType:
    """A type and the policy that was compiled for it."""

    instance_type: InstanceType
    compiled: Compiled

    @property
    def usd_per_day(self) -> float:
        """What its policy costs on the known days, on average."""
        return self.compiled.chosen.hours_per_day * self.instance_type.usd_per_instance_hour


@dataclass(frozen=True, kw_only=True)
class InstancePool:
    """The type to ask for, `fallbacks` in their order, and every type with its policy, the best first."""

    ranked: tuple[CompiledType, ...]
    fallbacks: tuple[str, ...]

    @property
    def chosen(self) -> CompiledType:
        """The one to ask for."""
        return self.ranked[0]


def compile_pool(types: Sequence[InstanceType], compiled_for: Callable[[Fleet], Compiled]) -> InstancePool:
    """Compile a policy for each type, and rank them: those that meet the objective first, then the cheapest.

    A target is one number for each instance, whatever its type. Only types that serve no less than the chosen one are fallbacks, the
    cheapest first, four at most.

    Args:
        types: one or more.
        compiled_for: `compile_policy` with everything but the fleet.
    """
    found = [CompiledType(instance_type=one, compiled=compiled_for(one.fleet)) for one in types]
    ranked = sorted(found, key=lambda one: (not one.compiled.meets, one.usd_per_day))
    may_stand_in = filter(partial(_serves_no_less, ranked[0].instance_type), (one.instance_type for one in ranked[1:]))
    fallbacks = sorted(may_stand_in, key=lambda one: one.usd_per_instance_hour)
    return InstancePool(ranked=tuple(ranked), fallbacks=tuple(one.name for one in fallbacks[:MOST_FALLBACKS]))


def _serves_no_less(chosen: InstanceType, other: InstanceType) -> bool:
    return other.fleet.requests_per_second >= chosen.fleet.requests_per_second
