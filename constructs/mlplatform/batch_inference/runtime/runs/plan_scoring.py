"""Lambda of the step PlanScoring: on what, and on how many machines, the parts of a run are scored that are not scored yet.

Event: `work_uri`, `output_uri` and `run_id`. Answer: `manifest_uri` (an S3 ManifestFile of the parts), `instance_type`,
`instance_count`, `volume_gb`, `parts_left` ("true" if another job will have to go on after this one), and `input_bytes`, the
bytes by which the instance type was chosen. Why it was chosen is in `<work_uri>/plan/plan.json`.

A job reads its parts one after the other, so what it needs of memory follows from the largest part, however many there are.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import boto3

from attempts.failures import FailureKind
from attempts.objects import list_sizes, read_many, split_uri, write_json
from mlscaling.jobs.ladder import Choice, Ladder, StepMemory, Usage, choose
from runs.parts import parts_of, report_of_preparing
from runs.settings import Settings
from runs.state import SCORE_STEP, State
from runs.store import Store

GB = 10**9
FIRST_SECONDS_PER_GB = 300.0
"""Before anything is known, of prepared Parquet on one instance; decides only how many instances the first run gets."""
SECONDS_WORTH_AN_INSTANCE = 900.0
"""Starting one more instance takes minutes (field reports: 134 to 525 s), so it has to have more than that to do."""
BUDGET_SHARE = 0.7
"""Of the time that a job may run: the rest is for starting, loading, and a slow day."""
VOLUME_GB = 10
VOLUME_PER_INPUT = 3
"""The part, its predictions, and the predictions in the making; above what the model and the system take."""


class LadderExhaustedError(Exception):
    """Scoring has run out of memory on the largest type that is allowed; the message says what to change."""


@dataclass(frozen=True)
class Plan:
    """What one scoring job gets. `parts` are those that it scores, by name."""

    parts: tuple[str, ...]
    choice: Choice
    instance_count: int
    volume_gb: int
    parts_left: bool


def handler(event: Mapping[str, str], context: object) -> dict[str, Any]:
    """Look, plan, write the manifest, answer. Whatever is raised becomes the step's FailureReason."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3")
    work_uri = event["work_uri"]
    found = parts_of(s3, report_of_preparing(s3, work_uri), event["output_uri"])
    parts = found.sizes
    state = Store(s3, settings.state_uri).read()
    memory = state.memory_of(SCORE_STEP).with_usage(usage_of_this_run(s3, work_uri))
    pending = {name: parts[name] for name in found.problems}
    plan = plan_of(settings.ladder, memory, parts, pending, settings.max_runtime_seconds, datetime.now(UTC))
    if plan.choice.exhausted and ran_out_of_memory(state, event["run_id"]):
        raise LadderExhaustedError(
            f"LadderExhausted: scoring ran out of memory on {plan.choice.instance_type} ({plan.choice.memory_gib:g} GiB), the "
            "largest type of the ladder; add one with more memory to the project's instance_types and to the ladder"
        )
    bucket, key = split_uri(f"{work_uri}/plan/manifest.json")
    manifest = json.dumps([{"prefix": f"{work_uri}/prepared/"}, *plan.parts])
    s3.put_object(Bucket=bucket, Key=key, Body=manifest.encode(), ContentType="application/json")
    write_json(s3, f"{work_uri}/plan/plan.json", {**asdict(plan), "pending": len(pending), "prepared": len(parts)})
    return {
        "manifest_uri": f"{work_uri}/plan/manifest.json",
        "instance_type": plan.choice.instance_type,
        "instance_count": plan.instance_count,
        "volume_gb": plan.volume_gb,
        "parts_left": "true" if plan.parts_left else "false",
        "input_bytes": str(max(parts.values())),
    }


def plan_of(
    ladder: Ladder,
    memory: StepMemory,
    parts: Mapping[str, int],
    pending: Mapping[str, int],
    max_runtime_seconds: int,
    now: datetime,
) -> Plan:
    """The plan for `pending` of the prepared `parts`, both bytes by name. Without any, the last part is scored again."""
    todo = dict(pending) or dict([max(parts.items())])
    largest = max(parts.values())
    by_part = replace(
        memory,
        usage=tuple(replace(found, input_bytes=min(found.input_bytes, largest)) for found in memory.usage),
    )
    choice = choose(ladder, by_part, bytes=largest, now=now)
    known = seconds_per_byte(ladder, memory.usage, choice.instance_type)
    speed = FIRST_SECONDS_PER_GB / GB if known is None else known
    each = speed * sum(todo.values()) / len(todo)
    in_time = len(todo) if known is None else max(1, int(BUDGET_SHARE * max_runtime_seconds / each))
    count = instances_for(len(todo), each, ladder.max_instances, in_time)
    parts_each = min(math.ceil(len(todo) / count), in_time)
    taken = tuple(todo)[: count * parts_each]
    share_bytes = parts_each * max(todo[name] for name in taken)
    return Plan(
        parts=taken,
        choice=choice,
        instance_count=count,
        volume_gb=VOLUME_GB + math.ceil(VOLUME_PER_INPUT * share_bytes / GB),
        parts_left=len(taken) < len(todo),
    )


def instances_for(parts: int, seconds_each: float, most: int, in_time: int) -> int:
    """As many as have enough to do, or are needed for `in_time` parts each; the fewest that end as soon: none is idle."""
    worth, needed = parts * seconds_each / SECONDS_WORTH_AN_INSTANCE, parts / in_time
    count = max(1, min(most, parts, math.ceil(max(worth, needed))))
    return math.ceil(parts / math.ceil(parts / count)) if needed <= count else count


def seconds_per_byte(ladder: Ladder, usage: Sequence[Usage], instance_type: str) -> float | None:
    """How long a byte takes, by the slowest of what is known of this type; else of all, as if it had no more cores to use."""
    rates = [(found.instance_type, found.seconds / found.input_bytes) for found in usage if found.input_bytes > 0]
    same = [rate for name, rate in rates if name == instance_type]
    if same or not rates:
        return max(same, default=None)
    return max(rate * _fewer_cores(ladder, name, instance_type) for name, rate in rates)


def _fewer_cores(ladder: Ladder, known: str, wanted: str) -> float:
    """How many times slower `wanted` may be than the type that is `known`."""
    had, gets = ladder.rung(known), ladder.rung(wanted)
    if had is None or gets is None or had.vcpus is None or gets.vcpus is None:
        return 1.0
    return max(1.0, had.vcpus / gets.vcpus)


def usage_of_this_run(s3: Any, work_uri: str) -> list[Usage]:
    """What hosts of earlier attempts of this run wrote down, whether they came to their end or not."""
    names = [name for name in list_sizes(s3, f"{work_uri}/usage/") if name.endswith(".json")]
    known = ("host", "instance_type", "rows", "input_bytes", "seconds", "peak_memory_bytes")
    records = read_many(s3, [f"{work_uri}/usage/{name}" for name in sorted(names)])
    # Before its first part is done, a host knows neither what a part needs nor how long it takes.
    return [Usage(**{name: record[name] for name in known}) for record in records if record["input_bytes"] > 0]


def ran_out_of_memory(state: State, run_id: str) -> bool:
    """Whether scoring did, in the attempt of this run before."""
    run = state.active.get(run_id)
    failure = None if run is None else run.failure
    return failure is not None and (failure.kind, failure.step) == (FailureKind.OUT_OF_MEMORY, SCORE_STEP)
