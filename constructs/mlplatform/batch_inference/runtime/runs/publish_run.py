"""Lambda of the step PublishRun: makes a finished run visible, all of it at once.

Event: `run_id`, `generation`, `fence`, `execution_arn`, `started_at`, `scheduled_at`, `model_package_arn`, `work_uri`,
`output_uri`, `root_uri`, each a string. Answer: `manifest_uri`, and `latest` ("true" unless a run for a later moment is the
latest already).

It checks that its attempt still is the one that its run waits for, that every part is there, made of what is prepared now,
and that every row is accounted for; then it publishes (`published`), tells CloudWatch (`metrics`), and has the state remember
what the jobs needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3

from attempts.objects import Json, find, list_sizes, read_json, read_many, write_json
from mlscaling.jobs.ladder import Ladder, Usage
from runs import drift, metrics
from runs.drift import Drift
from runs.parts import Parts, parts_of, report_of_preparing
from runs.published import Publication, publish, timestamp
from runs.settings import Settings
from runs.state import SCORE_STEP, State
from runs.store import Store

_SHOWN = 3


class IncompleteRunError(Exception):
    """What the run wrote is not what it reported; the message says what is wrong and what to do."""


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Check, publish, tell, remember, answer. Whatever is raised becomes the step's FailureReason."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3")
    store = Store(s3, settings.state_uri)
    run_id, fence = event["run_id"], int(event["fence"])
    run = store.read().holder(run_id, fence)
    prepared = report_of_preparing(s3, event["work_uri"])
    parts = complete_parts(s3, prepared, event["output_uri"])

    set_aside = int(prepared["set_aside"]["rows"]) + parts.set_aside
    input_record = read_json(s3, f"{event['work_uri']}/input.json")
    publication = publication_of(event, settings, parts, set_aside, input_record)
    earlier_id, earlier = earlier_report(s3, publication)
    report = report_of(publication, prepared, parts, earlier_id, earlier)
    cost = metrics.cost_usd(metrics.jobs_of(boto3.client("sagemaker"), event["execution_arn"]), prices(settings.ladder))
    write_json(s3, publication.report_uri, {**report, "cost_usd": cost})
    latest = publish(s3, publication, compared_with=earlier_id)

    figures = {
        "DurationSeconds": (datetime.now(UTC) - run.started_at).total_seconds(),
        "Rows": parts.rows,
        "SetAsideRows": set_aside,
        "CostUSD": cost,
        "InputDrift": report["drift"]["inputs"]["largest"],
        "PredictionDrift": report["drift"]["predictions"]["largest"],
    }
    metrics.put_metrics(
        boto3.client("cloudwatch"), settings.metric_namespace, settings.pipeline_name, figures, datetime.now(UTC)
    )
    usage = usage_of(s3, event["work_uri"])
    warning = warning_of(prepared)
    store.update(
        lambda state: remember(
            state,
            run_id,
            fence,
            rows=parts.rows,
            cost=cost,
            usage=usage,
            largest_part_bytes=max(parts.sizes.values()),
            warning=warning,
        )
    )
    return {"manifest_uri": publication.manifest_uri, "latest": "true" if latest else "false"}


def complete_parts(s3: Any, prepared: Json, output_uri: str) -> Parts:
    """The parts of a run. Raises IncompleteRunError unless each is there as reported, and every row is accounted for."""
    parts = parts_of(s3, prepared, output_uri)
    if problems := list(parts.problems.values()):
        raise IncompleteRunError(
            f"IncompleteRun: {len(problems)} of {len(parts.prepared)} parts under {output_uri} are not as reported: "
            f"{'; '.join(problems[:_SHOWN])}; nothing was published, start the run again"
        )
    return parts


def publication_of(
    event: Mapping[str, str], settings: Settings, parts: Parts, set_aside: int, input_record: Json
) -> Publication:
    """What is to be published."""
    return Publication(
        root_uri=event["root_uri"],
        output_uri=event["output_uri"],
        pipeline_name=settings.pipeline_name,
        run_id=event["run_id"],
        generation=int(event["generation"]),
        fence=int(event["fence"]),
        execution_arn=event["execution_arn"],
        started_at=timestamp(event["started_at"]),
        scheduled_at=timestamp(event["scheduled_at"]),
        time_zone=settings.time_zone,
        model_package_arn=event["model_package_arn"],
        input_record=input_record,
        report_uri=f"{event['work_uri']}/publish/report.json",
        rows=parts.rows,
        set_aside=set_aside,
        files=parts.files,
    )


def earlier_report(s3: Any, publication: Publication) -> tuple[str | None, Json | None]:
    """The run to compare with, and its report: the latest one, if it is of the same model and is not this one.

    A run that is published again is compared with the same run as before.
    """
    latest = find(s3, publication.latest_uri)
    if latest is None:
        return None, None
    run_id = latest.document["run_id"]
    if run_id == publication.run_id:
        own = find(s3, publication.manifest_uri)
        run_id = None if own is None else own.document.get("compared_with")
    manifest = None if run_id is None else find(s3, f"{publication.root_uri}/manifests/{run_id}.json")
    if manifest is None or manifest.document.get("model_package_arn") != publication.model_package_arn:
        return None, None
    report_uri = manifest.document.get("report_uri")
    report = None if report_uri is None else find(s3, report_uri)
    return (None, None) if report is None else (run_id, report.document)


def report_of(
    publication: Publication, prepared: Json, parts: Parts, earlier_id: str | None, earlier: Json | None
) -> dict[str, Any]:
    """What a run looked like, for whoever asks later, and for the run after it."""
    profiles = {
        "inputs": prepared["profile"],
        "predictions": drift.merged_profiles(part["profile"] for part in parts.scored),
    }
    before = {} if earlier is None else earlier["profiles"]
    baseline = prepared["checks"]["psi"]
    inputs = (
        Drift(against="baseline", index=baseline)
        if baseline
        else drift.drift_of(before.get("inputs"), profiles["inputs"], earlier_id)
    )
    predictions = drift.drift_of(before.get("predictions"), profiles["predictions"], earlier_id)
    return {
        "version": 1,
        "pipeline": publication.pipeline_name,
        "run_id": publication.run_id,
        "generation": publication.generation,
        "model_package_arn": publication.model_package_arn,
        "rows": parts.rows,
        "set_aside": {"preparing": prepared["set_aside"]["rows"], "scoring": parts.set_aside},
        "drift": {"inputs": inputs.to_json(), "predictions": predictions.to_json()},
        "profiles": profiles,
    }


def prices(ladder: Ladder) -> dict[str, float]:
    """US dollars an hour by instance type, as far as the ladder says."""
    return {rung.instance_type: rung.usd_per_hour for rung in ladder.rungs if rung.usd_per_hour is not None}


def usage_of(s3: Any, work_uri: str) -> list[Usage]:
    """What each host of the scoring jobs needed, as it wrote it down."""
    names = [name for name in list_sizes(s3, f"{work_uri}/usage/") if name.endswith(".json")]
    known = ("host", "instance_type", "rows", "input_bytes", "seconds", "peak_memory_bytes")
    records = read_many(s3, [f"{work_uri}/usage/{name}" for name in sorted(names)])
    return [Usage(**{name: record[name] for name in known}) for record in records]


def warning_of(prepared: Json) -> str | None:
    """What the checks of the input found, if they found anything."""
    violations = [str(found["message"]) for found in prepared["checks"]["violations"]]
    shown = "; ".join(violations[:_SHOWN])
    return f"{len(violations)} violations of the checks of the input: {shown}" if violations else None


def remember(
    state: State,
    run_id: str,
    fence: int,
    *,
    rows: int,
    cost: float | None,
    usage: Sequence[Usage],
    largest_part_bytes: int,
    warning: str | None = None,
) -> State:
    """The state after publishing. Doing it again changes nothing; the counts are left out if the run has moved on."""
    memory = state.memory_of(SCORE_STEP)
    learned = memory.with_usage([found for found in usage if found not in memory.usage])
    if peak := max((found.peak_memory_bytes for found in usage), default=0):
        learned = learned.without_kills(bytes=largest_part_bytes, peak_memory_bytes=peak)
    known = state.with_memory(SCORE_STEP, learned)
    run = known.active.get(run_id)
    if run is None or run.fence != fence:
        return known
    return known.with_active(run_id, replace(run, rows=rows, cost_usd=cost, warning=warning))
