"""Lambda of the step PublishManifest: makes a finished run visible, all of it at once.

Event: `pipeline_name`, `run_id`, `execution_arn`, `started_at`, `model_package_arn`, `input_record_uri`, `report_uri` and
`output_uri` (the root: runs are under `runs/run_id=<run id>/`, manifests under `manifests/`).
Answer: `manifest_uri`, and `latest` ("true" unless a run that started later is already the latest).

Order matters: the files are complete before `manifests/<run id>.json` names them, and that is there before
`latest.json` names it. Readers that start at `latest.json` never see half a run.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

ATTEMPTS = 10

Json = Mapping[str, Any]


class IncompleteRunError(Exception):
    """What the run wrote is not what it reported; the message says what is wrong and what to do."""


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Check, prune, publish, answer. Whatever is raised becomes the step's FailureReason."""
    s3 = boto3.client("s3")
    report = read_json(s3, event["report_uri"])
    input_record = read_json(s3, event["input_record_uri"])
    bucket, root = split_uri(event["output_uri"].rstrip("/"))
    run_prefix = f"{root}/runs/run_id={event['run_id']}/"
    present = list_sizes(s3, bucket, run_prefix)
    check_complete(report["files"], present, f"s3://{bucket}/{run_prefix}")
    prune(s3, bucket, run_prefix, report["files"], present)
    manifest = manifest_of(event, report, input_record, f"s3://{bucket}/{run_prefix}")
    manifest_key = f"{root}/manifests/{event['run_id']}.json"
    s3.put_object(Bucket=bucket, Key=manifest_key, **json_body(manifest))
    latest = replace_latest(s3, bucket, f"{root}/latest.json", manifest, manifest_key)
    return {"manifest_uri": f"s3://{bucket}/{manifest_key}", "latest": "true" if latest else "false"}


def manifest_of(event: Mapping[str, str], report: Json, input_record: Json, run_uri: str) -> dict[str, Any]:
    """What a reader needs to know of a run: from which model and which input versions which files came."""
    return {
        "manifest_version": 1,
        "pipeline": event["pipeline_name"],
        "run_id": event["run_id"],
        "execution_arn": event["execution_arn"],
        "started_at": timestamp(event["started_at"]).isoformat(),
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_package_arn": event["model_package_arn"],
        "input": input_record,
        "output": {**report, "uri": run_uri},
    }


def check_complete(files: Sequence[Json], present: Mapping[str, int], run_uri: str) -> None:
    """Raise unless each reported file is there with the size reported."""
    problems = [
        f"{found['path']} has {present[found['path']]} bytes, not {found['bytes']}"
        if found["path"] in present
        else f"{found['path']} is missing"
        for found in files
        if present.get(found["path"]) != found["bytes"]
    ]
    if problems:
        raise IncompleteRunError(
            f"{len(problems)} of {len(files)} files under {run_uri} are not as reported: {'; '.join(problems[:3])}; "
            "nothing was published, start the pipeline again"
        )


def prune(s3: Any, bucket: str, run_prefix: str, files: Sequence[Json], present: Mapping[str, int]) -> None:
    """Delete what an earlier attempt of the same run left behind, so that attempts never mix."""
    reported = {found["path"] for found in files}
    stale = [{"Key": run_prefix + path} for path in sorted(set(present) - reported)]
    for start in range(0, len(stale), 1000):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": stale[start : start + 1000], "Quiet": True})
        if answer.get("Errors"):
            error = answer["Errors"][0]
            raise IncompleteRunError(f"{error['Key']} of an earlier attempt cannot be deleted: {error['Message']}")


def replace_latest(s3: Any, bucket: str, key: str, manifest: Json, manifest_key: str) -> bool:
    """Point latest.json at this run, unless it points at a run that started later. Safe against concurrent runs."""
    latest = {
        "run_id": manifest["run_id"],
        "started_at": manifest["started_at"],
        "manifest_uri": f"s3://{bucket}/{manifest_key}",
        "output_uri": manifest["output"]["uri"],
    }
    for _ in range(ATTEMPTS):
        current, condition = read_latest(s3, bucket, key)
        if current is not None and timestamp(current["started_at"]) > timestamp(latest["started_at"]):
            return False
        try:
            s3.put_object(Bucket=bucket, Key=key, **condition, **json_body(latest))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
        else:
            return True
    raise IncompleteRunError(f"s3://{bucket}/{key} changed {ATTEMPTS} times in a row; retry the execution")


def read_latest(s3: Any, bucket: str, key: str) -> tuple[Json | None, dict[str, str]]:
    """The current latest.json, or None, with the condition under which it may be replaced."""
    # Asking for a missing object is AccessDenied to a role that may list only some prefixes, so list first.
    if not list_sizes(s3, bucket, key):
        return None, {"IfNoneMatch": "*"}
    found = s3.get_object(Bucket=bucket, Key=key)
    return json.loads(found["Body"].read()), {"IfMatch": found["ETag"]}


def timestamp(text: str) -> datetime:
    """A moment as SageMaker or this file writes it: ISO 8601, or seconds since 1970. Without a zone it is UTC."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def list_sizes(s3: Any, bucket: str, prefix: str) -> dict[str, int]:
    """Sizes in bytes of the objects under a prefix, by path relative to it."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {found["Key"][len(prefix) :]: found["Size"] for page in pages for found in page.get("Contents", [])}


def read_json(s3: Any, uri: str) -> Json:
    """A JSON object in S3."""
    bucket, key = split_uri(uri)
    content: Json = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return content


def json_body(content: Json) -> dict[str, Any]:
    """The arguments of put_object that write JSON."""
    return {"Body": json.dumps(content, indent=1).encode(), "ContentType": "application/json"}


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
