"""What the embedded engine can run. The rest is refused when a pipeline is created, never skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mllocal.execution.cache import CACHEABLE_STEP_TYPES
from mllocal.execution.graph import triggers_of
from mllocal.execution.monitoring_steps import unsupported_checks
from mllocal.execution.retries import RETRYABLE_STEP_TYPES
from mllocal.execution.steps import STEP_TYPES
from mllocal.jobs.refusals import refusals
from mlpipelines import iter_steps, own_members, referenced_steps

_LISTS = ("InputDataConfig", "Outputs", "ProcessingInputs", "Tags")
# What a step of a type creates, as `refusals` knows it.
_KINDS = {
    "Processing": "ProcessingJob",
    "Training": "TrainingJob",
    "Transform": "TransformJob",
    "Tuning": "HyperParameterTuningJob",
    "QualityCheck": "ProcessingJob",
    "ClarifyCheck": "ProcessingJob",
    "Model": "Model",
    "RegisterModel": "ModelPackage",
}
Check = Callable[[dict[str, Any]], Iterator[str]]


def unsupported_parts(definition: dict[str, Any]) -> list[str]:
    """A sentence for each part of a valid definition that this engine, or SageMaker, does not run."""
    return [problem for step in iter_steps(definition) for check in CHECKS for problem in check(dict(step))]


def _type(step: dict[str, Any]) -> Iterator[str]:
    if step["Type"] not in STEP_TYPES:
        yield (
            f"step {step['Name']!r} is of type {step['Type']!r}, which the embedded AWS does not run; "
            f"it runs {', '.join(sorted(STEP_TYPES))}"
        )


def _cache(step: dict[str, Any]) -> Iterator[str]:
    if (step.get("CacheConfig") or {}).get("Enabled") and step["Type"] not in CACHEABLE_STEP_TYPES:
        yield (
            f"step {step['Name']!r} of type {step['Type']!r} has CacheConfig.Enabled, and steps of this type have no cache; "
            f"leave it out (these have: {', '.join(CACHEABLE_STEP_TYPES)})"
        )


def _retries(step: dict[str, Any]) -> Iterator[str]:
    if step.get("RetryPolicies") and step["Type"] not in RETRYABLE_STEP_TYPES:
        yield (
            f"step {step['Name']!r} of type {step['Type']!r} has RetryPolicies, and steps of this type are not tried again; "
            f"leave them out (these are: {', '.join(RETRYABLE_STEP_TYPES)})"
        )


def _triggers(step: dict[str, Any]) -> Iterator[str]:
    referenced = referenced_steps(own_members(step))
    for other, trigger in triggers_of(step).items():
        if trigger != "Completed" and other in referenced:
            yield (
                f"step {step['Name']!r} has DependsOn {other!r} with Trigger {trigger!r} and refers to {other!r}, "
                "which has values only when it succeeded; use Completed or drop the reference"
            )


def _callback(step: dict[str, Any]) -> Iterator[str]:
    if step["Type"] == "Callback" and not step.get("SqsQueueUrl"):
        yield f"step {step['Name']!r} of type 'Callback' has no SqsQueueUrl; give the URL of the queue that takes its message"


def _request(step: dict[str, Any]) -> Iterator[str]:
    kind = _KINDS.get(step["Type"])
    if kind is not None:
        problems = refusals(kind, _literal_part(step["Arguments"]))
        yield from (f"step {step['Name']!r} of type {step['Type']!r}: {problem}" for problem in problems)


def _literal_part(arguments: Any) -> Any:
    """Arguments without nulls, and without lists that an expression stands for: what is not known yet is refused when it is."""
    if isinstance(arguments, list):
        return [_literal_part(item) for item in arguments]
    if not isinstance(arguments, dict):
        return arguments
    return {
        name: _literal_part(value)
        for name, value in arguments.items()
        if value is not None and (name not in _LISTS or isinstance(value, list))
    }


CHECKS: tuple[Check, ...] = (_type, _cache, _retries, _triggers, _callback, unsupported_checks, _request)
