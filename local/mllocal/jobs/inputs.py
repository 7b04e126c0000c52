"""Where the data of a job comes from: S3 prefixes and manifests, whole or dealt out over the job's hosts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mllocal.jobs.hosts import Cluster, Host
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.s3 import (
    ManifestError,
    NoObjectsError,
    S3Object,
    S3Uri,
    download,
    objects_of_manifest,
    objects_under,
)


@dataclass(frozen=True)
class Source:
    """One input of a job. `shuffle_seed` changes the order in which objects are dealt out."""

    uri: S3Uri
    is_manifest: bool = False
    is_sharded: bool = False
    shuffle_seed: int | None = None

    @classmethod
    def of(cls, source: dict[str, Any], shuffle_seed: int | None = None) -> Source:
        """From an `S3Input` of processing or an `S3DataSource` of training and transform."""
        return cls(
            S3Uri.parse(source["S3Uri"]),
            is_manifest=source.get("S3DataType") == "ManifestFile",
            is_sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
            shuffle_seed=shuffle_seed,
        )

    def objects(self, job: Job) -> list[S3Object]:
        """Every object, in order. Raises `JobFailedError` when there is none or the source cannot be read."""
        find = objects_of_manifest if self.is_manifest else objects_under
        with reading(str(self.uri)):
            items = find(job.client("s3"), self.uri)
        if self.shuffle_seed is not None:
            random.Random(self.shuffle_seed).shuffle(items)  # noqa: S311 - an order, not a secret
        return items

    def parts(self, job: Job, count: int) -> list[list[S3Object]]:
        """What each of so many hosts gets: everything, or its share."""
        items = self.objects(job)
        return deal(items, count) if self.is_sharded else [items] * count


def deal(items: list[S3Object], count: int) -> list[list[S3Object]]:
    """Deal objects out one by one, in order; a host gets none when there are fewer objects than hosts."""
    return [items[number::count] for number in range(count)]


def download_to_hosts(job: Job, cluster: Cluster, source: Source, target: Callable[[Host], Path]) -> None:
    """Copy what each host gets to its directory."""
    for host, items in zip(cluster.hosts, source.parts(job, len(cluster.hosts)), strict=True):
        target(host).mkdir(parents=True, exist_ok=True)
        with reading(str(source.uri)):
            download(job.client("s3"), items, target(host))
        job.check_not_stopped()


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever S3 refuses is the reason of the job's failure."""
    try:
        yield
    except (NoObjectsError, ManifestError) as error:
        raise JobFailedError(str(error)) from None
    except ClientError as error:
        raise JobFailedError(f"ClientError: Data download failed: {what!r} cannot be read: {error}") from None
