"""How long idle apps run, and on what: the limits of Studio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from mlpipelines.lint.service_model import input_shape

MIN_IDLE_MINUTES, MAX_IDLE_MINUTES = 60, 525_600
"""What IdleTimeoutInMinutes takes (CloudFormation, AWS::SageMaker::Domain IdleSettings)."""
MIN_SPACE_GB = 5
"""The smallest volume of a space (CloudFormation, AWS::SageMaker::Domain DefaultEbsStorageSettings)."""


@cache
def instance_types() -> tuple[str, ...]:
    """The types that apps can run on, from botocore's description of CreateApp."""
    names: list[str] = input_shape("CreateApp").members["ResourceSpec"].members["InstanceType"].enum
    return tuple(names)


@dataclass(frozen=True, kw_only=True)
class StudioLimits:
    """What apps of Studio may cost: idle ones are shut down, and only these instance types start.

    People may make the idle time of their own spaces longer, up to `max_idle_shutdown_minutes`. The first instance
    type is the one that a space starts with. A space's volume may grow to `max_space_gb`.
    """

    idle_shutdown_minutes: int = 60
    max_idle_shutdown_minutes: int = 480
    instance_types: tuple[str, ...] = ("ml.t3.medium", "ml.m5.large", "ml.m5.xlarge")
    max_space_gb: int = 100

    def problems(self) -> list[str]:
        """What is wrong with them, each with its fix; empty when nothing is."""
        problems = [
            f"{name} {minutes} is out of range; use {MIN_IDLE_MINUTES} to {MAX_IDLE_MINUTES}"
            for name, minutes in (
                ("idle_shutdown_minutes", self.idle_shutdown_minutes),
                ("max_idle_shutdown_minutes", self.max_idle_shutdown_minutes),
            )
            if not MIN_IDLE_MINUTES <= minutes <= MAX_IDLE_MINUTES
        ]
        if self.idle_shutdown_minutes > self.max_idle_shutdown_minutes:
            problems.append(
                f"idle_shutdown_minutes {self.idle_shutdown_minutes} is more than max_idle_shutdown_minutes "
                f"{self.max_idle_shutdown_minutes}; use less, or allow more"
            )
        if not self.instance_types:
            problems.append("instance_types is empty; name at least one")
        problems += [
            f"instance type {name!r} is none that Studio apps run on; use one such as 'ml.t3.medium'"
            for name in self.instance_types
            if name not in instance_types()
        ]
        return problems

    def narrowed(self, *, idle_shutdown_minutes: int | None, instance_types: Sequence[str] | None) -> StudioLimits:
        """The same with what is given instead; what is None stays."""
        return replace(
            self,
            idle_shutdown_minutes=self.idle_shutdown_minutes
            if idle_shutdown_minutes is None
            else idle_shutdown_minutes,
            instance_types=self.instance_types if instance_types is None else tuple(instance_types),
        )

    @property
    def idle_settings(self) -> dict[str, object]:
        """`IdleSettings`: shut down idle apps; how long people may make it."""
        return {
            "lifecycleManagement": "ENABLED",
            "idleTimeoutInMinutes": self.idle_shutdown_minutes,
            "minIdleTimeoutInMinutes": MIN_IDLE_MINUTES,
            "maxIdleTimeoutInMinutes": self.max_idle_shutdown_minutes,
        }

    @property
    def resource_spec(self) -> dict[str, str]:
        """`ResourceSpec`: what an app starts on."""
        return {"instanceType": self.instance_types[0]}

    def storage_settings(self) -> dict[str, object]:
        """`SpaceStorageSettings`: the smallest volume, and how far people may let it grow."""
        return {
            "defaultEbsStorageSettings": {
                "defaultEbsVolumeSizeInGb": MIN_SPACE_GB,
                "maximumEbsVolumeSizeInGb": self.max_space_gb,
            }
        }
