"""The function of the step ResolveInputs: the model by botocore's own stubs, the input on a real S3 emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import resolve_inputs
from botocore.stub import Stubber
from resolve_inputs import UnresolvedInputError

from tests.unit.servers import client

GROUP = "demo"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/"


def listing(*versions: int, approval: str = "Approved") -> dict[str, Any]:
    return {
        "ModelPackageSummaryList": [
            {
                "ModelPackageArn": f"{ARN}{version}",
                "ModelPackageGroupName": GROUP,
                "ModelPackageVersion": version,
                "CreationTime": datetime(2026, 1, version, tzinfo=UTC),
                "ModelPackageStatus": "Completed",
                "ModelApprovalStatus": approval,
            }
            for version in versions
        ]
    }


def asked(**filters: str) -> dict[str, Any]:
    newest_first = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
    return {"ModelPackageGroupName": GROUP, **newest_first, **filters}


@pytest.fixture
def sagemaker() -> Iterator[tuple[Any, Stubber]]:
    stubbed = client("sagemaker")
    with Stubber(stubbed) as stubber:
        yield stubbed, stubber
        stubber.assert_no_pending_responses()


def test_the_newest_approved_version_is_asked_for(sagemaker: tuple[Any, Stubber]) -> None:
    stubbed, stubber = sagemaker
    stubber.add_response("list_model_packages", listing(7), asked(ModelApprovalStatus="Approved"))
    assert resolve_inputs.newest_approved(stubbed, GROUP) == f"{ARN}7"


def test_without_an_approved_version_the_error_is_the_command_that_approves_the_newest(
    sagemaker: tuple[Any, Stubber],
) -> None:
    stubbed, stubber = sagemaker
    stubber.add_response("list_model_packages", listing(), asked(ModelApprovalStatus="Approved"))
    stubber.add_response("list_model_packages", listing(3, approval="PendingManualApproval"), asked())
    with pytest.raises(UnresolvedInputError) as caught:
        resolve_inputs.newest_approved(stubbed, GROUP)
    assert str(caught.value) == (
        "no version of model package group 'demo' is approved; approve one, for example: aws sagemaker "
        f"update-model-package --model-package-arn {ARN}3 --model-approval-status Approved"
    )


def test_without_any_version_the_error_says_to_train_first(sagemaker: tuple[Any, Stubber]) -> None:
    stubbed, stubber = sagemaker
    stubber.add_response("list_model_packages", listing(), asked(ModelApprovalStatus="Approved"))
    stubber.add_response("list_model_packages", listing(), asked())
    with pytest.raises(UnresolvedInputError, match="group 'demo' has no version; run the project's training pipeline"):
        resolve_inputs.newest_approved(stubbed, GROUP)


def test_objects_are_those_of_now_without_folders_and_deleted_ones(s3: Any, bucket: str) -> None:
    for key, body in (("in/b.csv", "old"), ("in/b.csv", "new"), ("in/a.csv", "1"), ("in/gone.csv", "x"), ("in/", "")):
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    s3.put_object(Bucket=bucket, Key="elsewhere/c.csv", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="in/gone.csv")
    objects = resolve_inputs.current_objects(s3, f"s3://{bucket}/in/")
    assert [found["key"] for found in objects] == ["in/a.csv", "in/b.csv"]
    newest = s3.head_object(Bucket=bucket, Key="in/b.csv")
    assert objects[1]["version_id"] == newest["VersionId"]
    assert objects[1]["etag"] == newest["ETag"].strip('"')


def test_the_version_of_the_input_changes_with_each_object_and_not_otherwise(s3: Any, bucket: str) -> None:
    uri = f"s3://{bucket}/in/"
    s3.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1")
    first = resolve_inputs.version_of(resolve_inputs.current_objects(s3, uri))
    assert resolve_inputs.version_of(resolve_inputs.current_objects(s3, uri)) == first
    s3.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1")
    again = resolve_inputs.version_of(resolve_inputs.current_objects(s3, uri))
    s3.put_object(Bucket=bucket, Key="in/b.csv", Body=b"2")
    assert len({first, again, resolve_inputs.version_of(resolve_inputs.current_objects(s3, uri))}) == 3


def test_no_input_is_an_error_with_the_command_that_uploads_one(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="in/", Body=b"")
    with pytest.raises(UnresolvedInputError) as caught:
        resolve_inputs.current_objects(s3, f"s3://{bucket}/in/")
    assert str(caught.value) == (
        f"there is no input under s3://{bucket}/in/; upload it, for example: aws s3 cp input.csv s3://{bucket}/in/"
    )


def test_the_handler_records_what_it_answers(
    s3: Any, bucket: str, sagemaker: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    stubbed, stubber = sagemaker
    stubber.add_response("list_model_packages", listing(7), asked(ModelApprovalStatus="Approved"))
    monkeypatch.setattr("boto3.client", {"s3": s3, "sagemaker": stubbed}.__getitem__)
    s3.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1")
    event = {
        "model_package_group_name": GROUP,
        "input_uri": f"s3://{bucket}/in/",
        "record_uri": f"s3://{bucket}/runs/1/input.json",
    }
    answer = resolve_inputs.handler(event, None)
    record = json.loads(s3.get_object(Bucket=bucket, Key="runs/1/input.json")["Body"].read())
    assert answer == {"model_package_arn": f"{ARN}7", "input_version": record["version"], "input_objects": "1"}
    assert record["objects"][0]["key"] == "in/a.csv"
