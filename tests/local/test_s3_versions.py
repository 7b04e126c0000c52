"""Versions of objects are read in parts, as SDKs read what is large."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.workbench import Workbench

LARGE = 9 << 20  # From 8 MiB on, boto3 downloads several parts at once.


@dataclass(frozen=True)
class Versions:
    """Objects of a bucket that keeps their versions."""

    s3: Any
    bucket: str

    def replaced(self, body: bytes) -> dict[str, str]:
        """Where to find a version that is not the newest."""
        put = self.s3.put_object
        version = put(Bucket=self.bucket, Key="object", Body=body)["VersionId"]
        put(Bucket=self.bucket, Key="object", Body=b"newer")
        return {"Bucket": self.bucket, "Key": "object", "VersionId": version}


@pytest.fixture
def versions(workbench: Workbench) -> Versions:
    s3 = workbench.engine.client("s3")
    s3.put_bucket_versioning(Bucket=workbench.bucket, VersioningConfiguration={"Status": "Enabled"})
    return Versions(s3, workbench.bucket)


def test_a_version_that_is_downloaded_in_parts_is_what_was_uploaded(versions: Versions, tmp_path: Path) -> None:
    body = os.urandom(LARGE)
    place = versions.replaced(body)

    version = {"VersionId": place["VersionId"]}
    versions.s3.download_file(place["Bucket"], place["Key"], str(tmp_path / "downloaded"), ExtraArgs=version)

    assert (tmp_path / "downloaded").read_bytes() == body


def test_a_range_of_a_version_says_which_part_of_what_it_is(versions: Versions) -> None:
    place = versions.replaced(b"0123456789")

    middle = versions.s3.get_object(**place, Range="bytes=2-4")
    end = versions.s3.get_object(**place, Range="bytes=-3")

    assert (middle["Body"].read(), middle["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert (end["Body"].read(), end["VersionId"]) == (b"789", place["VersionId"])
    with pytest.raises(ClientError, match="InvalidRange"):
        versions.s3.get_object(**place, Range="bytes=10-")
