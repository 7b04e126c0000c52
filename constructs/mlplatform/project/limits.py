"""What a project's jobs may run on and how long: said at synthesis by name, held in AWS by the boundary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlpipelines import JsonObject, iter_steps
from mlplatform import naming

DEFAULT_INSTANCE_TYPES = (
    "ml.t3.medium", "ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.xlarge", "ml.c5.2xlarge",
)  # fmt: skip
"""General-purpose and compute types up to 0.46 USD an hour in us-east-1 (Amazon SageMaker pricing); no GPU."""
DEFAULT_MAX_RUNTIME_HOURS = 24
"""What SageMaker itself gives a job that does not say (API reference, StoppingCondition)."""
MAX_INSTANCE_TYPES = 20
LONGEST_RUNTIME_HOURS = 28 * 24
"""API reference, StoppingCondition: 28 days."""

# Families whose disks are NVMe on the host: encrypted by hardware, and SageMaker refuses a VolumeKmsKeyId for them
# (API reference, ResourceConfig; Amazon EC2 user guide, "Instance store volumes").
_LOCAL_STORAGE = re.compile(r"ml\.(([cmrx]\d+[a-z]*d[a-z]*)|g4dn|g[5-9]\w*|gr\d\w*|p3dn|p[4-9]\w*|trn\d\w*|i\d\w*)\.")


def takes_volume_key(instance_type: str) -> bool:
    """Whether a job on this type has a volume that a key can encrypt; NVMe types encrypt their disks themselves."""
    return _LOCAL_STORAGE.match(instance_type) is None


@dataclass(frozen=True, kw_only=True)
class JobLimits:
    """The bounds of every job of a project, whoever starts it.

    Without any, jobs run on small general-purpose types and for a day at most. A job outside them is refused at
    synthesis when a pipeline of the project names it, and by IAM when anybody asks for it later.

    Raises:
        ValueError: no instance type, one that is none, or a runtime that no job can have; all in one message.
    """

    instance_types: tuple[str, ...] = DEFAULT_INSTANCE_TYPES
    max_runtime_hours: int = DEFAULT_MAX_RUNTIME_HOURS

    def __post_init__(self) -> None:
        problems = naming.problems(naming.INSTANCE_TYPE, self.instance_types)
        if not self.instance_types:
            problems.append("instance_types is empty, so no job could run; name at least one, such as 'ml.m5.large'")
        if len(self.instance_types) > MAX_INSTANCE_TYPES:
            problems.append(
                f"{len(self.instance_types)} instance types are more than a permissions boundary holds; "
                f"name {MAX_INSTANCE_TYPES} at most"
            )
        if not 1 <= self.max_runtime_hours <= LONGEST_RUNTIME_HOURS:
            problems.append(
                f"max_runtime_hours {self.max_runtime_hours} is out of range; use 1 to {LONGEST_RUNTIME_HOURS}"
            )
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def max_runtime_seconds(self) -> int:
        return self.max_runtime_hours * 3600

    def problems(self, definition: JsonObject) -> Iterator[str]:
        """A sentence for each job of a pipeline definition that asks for more than the project may have.

        What an execution chooses by a parameter is judged by the parameter's default and its other allowed values.
        """
        parameters = {str(it.get("Name")): it for it in definition.get("Parameters", [])}
        for step in iter_steps(definition):
            for member, value in _members(step.get("Arguments")):
                for asked in _values(value, parameters):
                    yield from self._problem(f"step '{step.get('Name')}'", member, asked)

    def _problem(self, step: str, member: str, asked: object) -> Iterator[str]:
        if member == "InstanceType" and asked not in self.instance_types:
            yield (
                f"{step} asks for instance type '{asked}', which the project may not use; take one of "
                f"{', '.join(self.instance_types)}, or have '{asked}' added to the project's instance_types"
            )
        if member == "MaxRuntimeInSeconds" and isinstance(asked, int) and asked > self.max_runtime_seconds:
            yield (
                f"{step} may run for {asked} seconds, and the project's jobs for {self.max_runtime_seconds}; ask for less, "
                "or have the project's max_runtime_hours raised"
            )


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of a request that limits speak about, however deep it stands."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in ("InstanceType", "MaxRuntimeInSeconds"):
                yield name, item
            else:
                yield from _members(item)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item)


def _values(value: Any, parameters: dict[str, JsonObject]) -> list[Any]:
    """What a value can be, as far as the definition says."""
    if not isinstance(value, dict):
        return [value]
    name = str(value.get("Get", "")).removeprefix("Parameters.")
    parameter = parameters.get(name, {})
    default = [parameter["DefaultValue"]] if "DefaultValue" in parameter else []
    return [*default, *(item for item in parameter.get("EnumValues", []) if item not in default)]
