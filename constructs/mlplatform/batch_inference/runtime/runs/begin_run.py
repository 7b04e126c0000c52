"""Lambda of the step BeginRun: takes the run's place, and finds what the run is made of: its model and its input.

Event: `run_id`, `fence`, `execution_arn`, `started_at` and `input_uri`, each a text. An execution that a person started has
the fence 0 and gets a place of its own, if there is one. Answer: see `answer_of`; everything is a text there, too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import boto3

from attempts.executions import moment
from attempts.objects import split_uri, write_json, write_once
from mlscaling.jobs.ladder import choose
from model_registry import Model, Registry
from runs.settings import Settings
from runs.state import NO_FENCE, PREPARE_STEP, ActiveRun, Because, QueuedRun, State
from runs.store import Store
from runs.transitions import Answer, Policy, acquire, bind

Json = Mapping[str, Any]


class EmptyInputError(Exception):
    """There is nothing to predict for; the message says where it was looked for."""


class NoPlaceError(Exception):
    """An execution that a person started has no place now; the message says what becomes of its run."""


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Take the place, resolve, record, answer. Whatever is raised becomes the step's FailureReason."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3")
    store = Store(s3, settings.state_uri)
    run_id, run = take_place(store, settings, event, datetime.now(UTC))

    work_uri = f"{settings.work_root_uri}/{run_id}/{run.generation}"
    # Once for each generation: attempts that go on with its parts, and copies of this call, have the same model and input.
    record = write_once(
        s3, f"{work_uri}/input.json", fence=run.fence, make=lambda: resolve(settings, s3, run, event["input_uri"])
    )
    copy_baselines(s3, Model(**record["model"]), f"{work_uri}/baseline")
    input_bytes = sum(found["bytes"] for found in record["objects"])
    state = store.update(lambda now: _with_input_bytes(now, run_id, run.fence, input_bytes))
    machine = choose(settings.ladder, state.memory_of(PREPARE_STEP), bytes=input_bytes, now=datetime.now(UTC))
    challenger = record["challenger"]
    return {
        **answer_of(
            settings, run_id, run, Model(**record["model"]), None if challenger is None else Model(**challenger)
        ),
        "input_uri": record["uri"],
        "input_version": record["version"],
        "input_bytes": str(input_bytes),
        "prepare_instance_type": machine.instance_type,
    }


def resolve(settings: Settings, s3: Any, run: ActiveRun, default_input_uri: str) -> dict[str, Any]:
    """The models and the input of a run, as `input.json` records them."""
    champion, challenger = Registry(boto3.client("sagemaker"), settings.model_package_group_name).choose(settings.model)
    input_uri = input_of(run.input_uri or default_input_uri, run.scheduled_at, settings.time_zone)
    objects = current_objects(s3, input_uri)
    return {
        "uri": input_uri,
        "version": version_of(objects),
        "objects": objects,
        "model": asdict(champion),
        "challenger": None if challenger is None else asdict(challenger),
    }


def answer_of(
    settings: Settings, run_id: str, run: ActiveRun, champion: Model, challenger: Model | None
) -> dict[str, str]:
    """What later steps need of the run and its models. `baseline_uri` is a prefix that holds what baselines there are."""
    work_uri = f"{settings.work_root_uri}/{run_id}/{run.generation}"
    other = challenger or Model(arn="", version=0, model_data_uri="", image_uri="")
    return {
        "run_id": run_id,
        "fence": str(run.fence),
        "generation": str(run.generation),
        "scheduled_at": run.scheduled_at.astimezone(UTC).isoformat(),
        "work_uri": work_uri,
        "output_uri": f"{settings.root_uri}/runs/run_id={run_id}/{run.generation}",
        "model_package_arn": champion.arn,
        "model_data_uri": champion.model_data_uri,
        "image_uri": champion.image_uri,
        "statistics_uri": champion.statistics_uri,
        "constraints_uri": champion.constraints_uri,
        "baseline_uri": f"{work_uri}/baseline",
        "has_challenger": "false" if challenger is None else "true",
        "challenger_model_package_arn": other.arn,
        "challenger_model_data_uri": other.model_data_uri,
        "challenger_image_uri": other.image_uri,
    }


def take_place(store: Store, settings: Settings, event: Mapping[str, str], now: datetime) -> tuple[str, ActiveRun]:
    """The run that this execution works for. Raises StaleFenceError or NoPlaceError when it works for none."""
    fence, arn = int(event["fence"]), event["execution_arn"]
    if fence != NO_FENCE:
        return event["run_id"], store.transact(lambda state: bind(state, event["run_id"], fence, arn))
    run_id = arn.rpartition("/")[2]
    wanted = QueuedRun(run_id, moment(event["started_at"]), Because.MANUAL, again=True, input_uri=event["input_uri"])

    def take(state: State) -> tuple[State, tuple[ActiveRun | None, Answer]]:
        state, run, answer = acquire(state, wanted, arn, now, Policy.of(settings))
        return state, (run, answer)

    run, answer = store.transact(take)
    if run is None:
        raise NoPlaceError(f"{_NO_PLACE[answer]} (run {run_id} of {settings.pipeline_name})")
    return run_id, run


_NO_PLACE = {
    Answer.QUEUED: "Queued: another run is at work; this run starts by itself, in a new execution, when that has ended",
    Answer.SKIPPED: "Skipped: another run is at work, and this pipeline skips what comes meanwhile; start again when it has ended",
    Answer.DUPLICATE: "Duplicate: this run has a later attempt; watch that one, or start the pipeline anew",
}


def input_of(uri: str, scheduled_at: datetime, time_zone: str) -> str:
    """The input's prefix for a moment: codes of strftime, such as `%Y/%m/%d`, are the moment's in the time zone."""
    return scheduled_at.astimezone(ZoneInfo(time_zone)).strftime(uri) if "%" in uri else uri


def current_objects(s3: Any, uri: str) -> list[dict[str, Any]]:
    """The objects under an S3 prefix in their current version, by key; empty ones and folder markers do not count."""
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    objects = [
        {
            "key": found["Key"],
            "version_id": found["VersionId"],
            "etag": found["ETag"].strip('"'),
            "bytes": found["Size"],
        }
        for page in pages
        for found in page.get("Versions", [])
        if found["IsLatest"] and found["Size"] > 0
    ]
    if not objects:
        raise EmptyInputError(
            f"EmptyInput: there is no input under {uri}; upload it, for example: aws s3 cp input.csv s3://{bucket}/{prefix}"
        )
    return sorted(objects, key=lambda found: found["key"])


def version_of(objects: Sequence[Json]) -> str:
    """One digest that changes when any object is added, removed or replaced."""
    digest = hashlib.sha256()
    for found in objects:
        digest.update(f"{found['key']}\0{found['version_id']}\0{found['etag']}\n".encode())
    return digest.hexdigest()


def copy_baselines(s3: Any, model: Model, uri: str) -> None:
    """The model's baselines in one place, with a file that says whence: a job's input may not be empty."""
    for name, source in (("statistics.json", model.statistics_uri), ("constraints.json", model.constraints_uri)):
        if source:
            found = s3.get_object(**_location(source))
            s3.put_object(**_location(f"{uri}/{name}"), Body=found["Body"].read(), ContentType="application/json")
    about = {"model": model.arn, "statistics_uri": model.statistics_uri, "constraints_uri": model.constraints_uri}
    write_json(s3, f"{uri}/about.json", about)


def _location(uri: str) -> dict[str, str]:
    bucket, key = split_uri(uri)
    return {"Bucket": bucket, "Key": key}


def _with_input_bytes(state: State, run_id: str, fence: int, input_bytes: int) -> State:
    run = state.holder(run_id, fence)
    return state.with_active(run_id, replace(run, input_bytes=input_bytes))
