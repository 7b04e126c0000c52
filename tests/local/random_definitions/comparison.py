"""What the engine did with a definition against what the reference says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.local.random_definitions.definitions import Scenario
from tests.local.random_definitions.laboratory import Laboratory, Seen
from tests.local.random_definitions.reference import Reference

Json = Any
ARNS = {"ProcessingJob": "ProcessingJobArn", "Model": "ModelArn", "RegisterModel": "ModelPackageArn"}
NAMES = {"ProcessingJobArn": "ProcessingJobName", "ModelArn": "ModelName", "ModelPackageArn": "ModelPackageVersion"}


def differences(laboratory: Laboratory, scenario: Scenario, definition: str) -> list[str]:
    """Run a scenario and say where it went otherwise than the reference; empty when nowhere."""
    name = laboratory.create(definition)
    before: tuple[Reference, str] | None = None
    found: list[str] = []
    for number in range(1, scenario.executions + 1):
        arn = laboratory.start(name, scenario.parameters, scenario.most_parallel_steps, number)
        seen = laboratory.wait(arn)
        reference = Reference(
            scenario.definition,
            scenario.parameters,
            _variables(name, seen),
            {step: _names(entry.get("Metadata", {})) for step, entry in seen.steps.items()},
            before[0] if before else None,
        )
        found += [
            f"execution {number}: {text}"
            for text in _differences(reference, seen, before and before[1], scenario.most_parallel_steps)
        ]
        found += [f"execution {number}: {text}" for text in _crowds(seen, scenario.most_parallel_steps or 50)]
        # Only what really ran is in the cache; a failure may have kept the rest from it.
        reference.ran = {step: ran for step, ran in reference.ran.items() if step in seen.steps}
        before = (reference, arn)
    return found


def _differences(reference: Reference, seen: Seen, before: str | None, most: int | None) -> Iterator[str]:
    if seen.execution["PipelineExecutionStatus"] != reference.status:
        yield f"the execution is {seen.execution['PipelineExecutionStatus']}, the reference says {reference.status}"
    yield from _statuses(reference, seen, most)
    for name, step in seen.steps.items():
        if name in reference.ran:
            yield from (f"step {name}: {text}" for text in _step(reference, seen, name, step, before))
        for other in reference.places[name].waits_for & seen.steps.keys():
            if seen.steps[other]["EndTime"] > step["StartTime"]:
                yield f"step {name} started before {other}, for which it waits, had ended"


def _statuses(reference: Reference, seen: Seen, most: int | None) -> Iterator[str]:
    """A failure that nothing handles lets no further step start, so that then some of those predicted may be missing."""
    expected = {name: ran.status for name, ran in reference.ran.items()}
    for name in sorted(expected.keys() | seen.statuses.keys()):
        if seen.statuses.get(name) != expected.get(name) and (name in seen.statuses or not reference.unhandled):
            reason = seen.steps.get(name, {}).get("FailureReason")
            yield f"step {name} is {seen.statuses.get(name)} ({reason}), the reference says {expected.get(name)}"
    missing = expected.keys() - seen.statuses.keys()
    if missing and not set(reference.unhandled) & seen.statuses.keys():
        yield f"{sorted(missing)} did not run although nothing had failed"
    if most is None and (late := [name for name in missing if not reference.places[name].waits_for]):
        yield f"{late} did not run although they wait for nothing"
    for name in seen.statuses:
        if not reference.places[name].waits_for <= seen.statuses.keys():
            yield f"step {name} ran without what it waits for: {seen.statuses}"


def _step(reference: Reference, seen: Seen, name: str, step: Json, before: str | None) -> Iterator[str]:
    ran, shown = reference.ran[name], seen.described[name]
    if step.get("AttemptCount") != ran.attempts:
        yield f"it was tried {step.get('AttemptCount')} times, the reference says {ran.attempts}"
    source, expected = (
        step.get("CacheHitResult", {}).get("SourcePipelineExecutionArn"),
        None if ran.attempts else before,
    )
    if source != expected:
        yield f"its cache hit is {source}, the reference says {expected}"
    if ("FailureReason" in step) != (ran.status == "Failed"):
        yield f"its reason is {step.get('FailureReason')!r}"
    for member, value in (ran.arguments or {}).items():
        if shown and not _same(shown.get(member), value):
            yield f"its {member} is {shown.get(member)!r}, the reference says {value!r}"
    yield from _left(reference, seen, name, step.get("Metadata", {}))


def _left(reference: Reference, seen: Seen, name: str, metadata: Json) -> Iterator[str]:
    """What the types of steps leave to see."""
    ran = reference.ran[name]
    has_succeeded = ran.status == "Succeeded"
    match reference.places[name].step["Type"]:
        case "Processing" | "Model" | "RegisterModel" if has_succeeded and not seen.described[name]:
            yield f"nothing describes what it made, its metadata is {metadata}"
        case "Condition" if has_succeeded and metadata["Condition"] != ran.properties:
            yield f"its outcome is {metadata['Condition']}, the reference says {ran.properties}"
        case "Fail" if ran.arguments and metadata.get("Fail") != ran.arguments:
            yield f"it says {metadata.get('Fail')}, the reference says {ran.arguments}"
        case "Callback" if not _same(seen.messages.get(name), ran.arguments if ran.attempts else None):
            yield f"its message is {seen.messages.get(name)}, the reference says {ran.arguments}"
        case "Lambda" if has_succeeded:
            given = {output["Name"] for output in metadata["Lambda"]["OutputParameters"]}
            if given != ran.properties["OutputParameters"].keys():
                yield f"its outputs are {given}, the reference says {ran.properties}"


def _crowds(seen: Seen, most: int) -> Iterator[str]:
    """No more steps run at once than the execution allows."""
    moments = [(step["StartTime"], 1) for step in seen.steps.values()]
    moments += [(step["EndTime"], -1) for step in seen.steps.values()]
    running = 0
    for _, change in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        running += change
        if running > most:
            yield f"{running} steps ran at once, {most} are allowed"


def _variables(name: str, seen: Seen) -> dict[str, str]:
    pipeline_arn, _, execution_id = seen.arn.rpartition("/execution/")
    start = seen.execution["CreationTime"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "PipelineName": name,
        "PipelineArn": pipeline_arn,
        "PipelineExecutionId": execution_id,
        "PipelineExecutionArn": seen.arn,
        "StartDateTime": start,
        "CurrentDateTime": start,
    }


def _names(metadata: Json) -> dict[str, Json]:
    """What the service generated for a step: the ARN in its metadata and the name or version at its end."""
    for kind, member in ARNS.items():
        if kind in metadata:
            arn = metadata[kind]["Arn"]
            last = arn.rsplit("/", 1)[-1]
            return {member: arn, NAMES[member]: int(last) if kind == "RegisterModel" else last}
    return {}


def _same(left: Json, right: Json) -> bool:
    """Equal as JSON, and of the same types: 1 is not true."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
