"""Uploads that S3 encrypts with the key that AWS manages for it: `aws:kms` and no key id."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.workbench import Workbench

KMS = {"ServerSideEncryption": "aws:kms"}


def _put(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="object", Body=b"x", **KMS)


def _copy(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="object", CopySource={"Bucket": bucket, "Key": "source"}, **KMS)


def _upload_parts(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="object", **KMS)["UploadId"]
    where = {"Bucket": bucket, "Key": "object", "UploadId": upload}
    part = s3.upload_part(**where, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})


@pytest.mark.parametrize("write", [_put, _copy, _upload_parts])
def test_an_upload_with_kms_and_no_key_uses_the_managed_key_of_s3(workbench: Workbench, write: Any) -> None:
    s3 = workbench.engine.client("s3")

    write(s3, workbench.bucket)

    head = s3.head_object(Bucket=workbench.bucket, Key="object")
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"].endswith(":alias/aws/s3")


def test_a_key_that_is_given_is_kept(workbench: Workbench) -> None:
    s3 = workbench.engine.client("s3")
    key = workbench.engine.client("kms").create_key()["KeyMetadata"]["Arn"]

    s3.put_object(Bucket=workbench.bucket, Key="object", Body=b"x", SSEKMSKeyId=key, **KMS)

    assert s3.head_object(Bucket=workbench.bucket, Key="object")["SSEKMSKeyId"] == key
