"""The bucket of the run records, and where it is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mlplatform.experiment_store.search_table import RESULTS_PREFIX
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project.buckets import project_bucket

PARAMETER = "/mlplatform/experiments/records-bucket"
"""Names the bucket: there is one store for an account and region."""
_RECORDS = ("runs/", "records/")
_KEEP_RESULTS_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class RecordRetention:
    """How long run records are kept.

    Attributes:
        keep_days: of a run, since it last changed. For ever when not given. Blobs (diffs, data listings) stay: runs share them.
        keep_old_versions_days: what was overwritten or deleted can be had back for so long.
        backup_days: how long nightly backups of AWS Backup are kept. There are none when not given: versions are there anyway.
        forget_after_days: a run that is tagged `forget` = `true` (`mlrecords.retention.forget`) is deleted after so long.

    Raises `InvalidPropsError` for days that S3 does not take.
    """

    keep_days: int | None = None
    keep_old_versions_days: int = 90
    forget_after_days: int = 1
    backup_days: int | None = None

    def __post_init__(self) -> None:
        raise_if_any("retention of run records", self._problems())

    def _problems(self) -> Iterator[str]:
        for name in ("keep_days", "keep_old_versions_days", "forget_after_days", "backup_days"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield f"{name} is {value}; use 1 or more"

    def rules(self) -> list[dict[str, object]]:
        """The rules of the bucket's lifecycle."""
        forgotten: dict[str, object] = {
            "id": "ExpireForgotten",
            "status": "Enabled",
            "tagFilters": [{"key": "forget", "value": "true"}],
            "expirationInDays": self.forget_after_days,
            "noncurrentVersionExpiration": {"noncurrentDays": self.forget_after_days},
        }
        results: dict[str, object] = {
            "id": "ExpireResultsOfQueries",
            "status": "Enabled",
            "prefix": RESULTS_PREFIX,
            "expirationInDays": _KEEP_RESULTS_DAYS,
            "noncurrentVersionExpiration": {"noncurrentDays": 1},
        }
        if self.keep_days is None:
            return [forgotten, results]
        old = [
            {
                "id": f"Expire{prefix[:-1].title()}",
                "status": "Enabled",
                "prefix": prefix,
                "expirationInDays": self.keep_days,
            }
            for prefix in _RECORDS
        ]
        return [forgotten, results, *old]


def records_bucket(
    scope: Construct,
    construct_id: str,
    *,
    key_arn: str,
    log_bucket_name: str,
    partition: str,
    retention: RecordRetention,
) -> tuple[s3.CfnBucket, str]:
    """Create the bucket, and the parameter that names it; returns the bucket and its name."""
    bucket, name = project_bucket(
        scope,
        construct_id,
        key_arn=key_arn,
        log_bucket_name=log_bucket_name,
        keep_old_versions_days=retention.keep_old_versions_days,
        partition=partition,
        tells_event_bridge=retention.backup_days is not None,
        expiring=retention.rules(),
    )
    ssm.CfnParameter(
        scope,
        f"{construct_id}Name",
        name=PARAMETER,
        type="String",
        value=name,
        description="The bucket of the run records",
    )
    return bucket, name
