"""What the embedded engine can run. The rest is refused when a pipeline is created, never skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mllocal.execution.steps import STEP_TYPES
from mlpipelines import iter_steps


def unsupported_parts(definition: dict[str, Any]) -> list[str]:
    """A sentence for each part of a valid definition that this engine does not run."""
    return [problem for step in iter_steps(definition) for problem in _step_problems(step)]


def _step_problems(step: dict[str, Any]) -> Iterator[str]:
    name, step_type = step["Name"], step["Type"]
    if step_type not in STEP_TYPES:
        yield (
            f"step {name!r} is of type {step_type!r}, which the embedded AWS does not run; "
            f"it runs {', '.join(sorted(STEP_TYPES))}"
        )
    if step.get("CacheConfig", {}).get("Enabled"):
        yield f"step {name!r} has CacheConfig.Enabled, which the embedded AWS does not do yet; leave the cache off"
