"""Lambda of the step PlanQuality: which published predictions are held against the truth that arrived.

Event: `root_uri` (of the pipeline whose predictions they are), `plan_uri` (a prefix for what it writes) and `lookback_days`, each
a text. Answer: `manifest_uri`, an S3 ManifestFile of the parts of every run of these days, by their manifests, so of one
generation each; `runs_uri`, a prefix with `runs.json`, which says what these runs are; and `runs`, their number.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from attempts.objects import Json, list_sizes, read_many, split_uri, write_json
from runs.published import scheduled_at


class NothingPublishedError(Exception):
    """There is nothing to hold against the truth."""


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Look, write, answer. Whatever is raised becomes the step's FailureReason."""
    s3 = boto3.client("s3")
    since = datetime.now(UTC) - timedelta(days=int(event["lookback_days"]))
    manifests = manifests_since(s3, event["root_uri"], since)
    if not manifests:
        raise NothingPublishedError(
            f"NothingPublished: no run of the last {event['lookback_days']} days is published under {event['root_uri']}; "
            "run that pipeline first, or look back further"
        )
    prefix = f"{event['root_uri']}/runs/"
    manifest_uri, runs_uri = f"{event['plan_uri']}/manifest.json", f"{event['plan_uri']}/runs"
    write_json(
        s3, f"{runs_uri}/runs.json", {"version": 1, "runs": [run_of(manifest, prefix) for manifest in manifests]}
    )
    bucket, key = split_uri(manifest_uri)
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(parts_of(manifests, prefix)).encode())
    return {"manifest_uri": manifest_uri, "runs_uri": runs_uri, "runs": str(len(manifests))}


def manifests_since(s3: Any, root_uri: str, since: datetime) -> list[Json]:
    """The manifests of runs for later moments that published anything, in the order of these moments."""
    uris = [f"{root_uri}/manifests/{name}" for name in list_sizes(s3, f"{root_uri}/manifests/")]
    found = [manifest for manifest in read_many(s3, sorted(uris)) if scheduled_at(manifest) >= since]
    return sorted((it for it in found if it["output"]["files"]), key=scheduled_at)


def run_of(manifest: Json, prefix: str) -> dict[str, Any]:
    """What is known of a run, and where its parts are below the prefix."""
    return {
        "run_id": manifest["run_id"],
        "scheduled_at": scheduled_at(manifest).isoformat(),
        "model_package_arn": manifest["model_package_arn"],
        "path": str(manifest["output"]["uri"]).removeprefix(prefix).rstrip("/"),
    }


def parts_of(manifests: list[Json], prefix: str) -> list[Any]:
    """An S3 ManifestFile (API reference, S3DataSource): a prefix, then keys relative to it."""
    files = [
        f"{run_of(manifest, prefix)['path']}/{file['path']}"
        for manifest in manifests
        for file in manifest["output"]["files"]
    ]
    return [{"prefix": prefix}, *files]
