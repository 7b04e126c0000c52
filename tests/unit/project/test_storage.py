"""What a project keeps: its key, its buckets and its images outlive the stack, encrypted and out of sight."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack

from tests.unit.project.templates import of_type, project_in, synthesize


def test_the_key_rotates(default: dict[str, Any]) -> None:
    (key,) = of_type(default, "AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True


@pytest.mark.parametrize("name", ["ProjectData", "ProjectArtifacts", "ProjectOutput"])
def test_buckets_use_the_projects_key_keep_versions_and_log_access(default: dict[str, Any], name: str) -> None:
    (bucket,) = (
        resource["Properties"] for key, resource in of_type(default, "AWS::S3::Bucket").items() if key.startswith(name)
    )
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0].startswith("ProjectKey")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]["DestinationBucketName"]["Ref"].startswith("ProjectLogs")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["AbortIncompleteUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["ExpireOldVersions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 90


def test_no_bucket_is_public(default: dict[str, Any]) -> None:
    for bucket in of_type(default, "AWS::S3::Bucket").values():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["Properties"]["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_access_logs_are_delivered_for_this_account_only(default: dict[str, Any]) -> None:
    (policy,) = (p for key, p in of_type(default, "AWS::S3::BucketPolicy").items() if key.startswith("ProjectLogs"))
    (delivery,) = (s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    assert delivery["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert delivery["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


@pytest.mark.parametrize(("policy", "expected"), [(RemovalPolicy.RETAIN, "Retain"), (RemovalPolicy.DESTROY, "Delete")])
def test_everything_stateful_follows_the_removal_policy(policy: RemovalPolicy, expected: str) -> None:
    _, template = synthesize(removal_policy=policy)
    stateful = ("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup")
    found = {r["DeletionPolicy"] for kind in stateful for r in of_type(template, kind).values()}
    assert found == {expected}


def test_superseded_predictions_and_query_results_expire(default: dict[str, Any]) -> None:
    rules = {
        rule["Id"]
        for bucket in of_type(default, "AWS::S3::Bucket").values()
        for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    }
    assert {"ExpireSuperseded", "ExpireQueryResults"} < rules


def test_images_are_scanned_immutable_few_and_encrypted(default: dict[str, Any]) -> None:
    (repository,) = (it["Properties"] for it in of_type(default, "AWS::ECR::Repository").values())
    assert repository["RepositoryName"] == "demand"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [rule["selection"]["countNumber"] for rule in rules] == [14, 50]


def test_uris_point_into_the_projects_buckets(stack: Stack) -> None:
    project = project_in(stack)
    assert project.data_uri("raw/") == f"s3://{project.data_bucket_name}/raw/"
    assert project.output_uri("/x") == f"s3://{project.output_bucket_name}/x"
    assert project.artifact_uri() == f"s3://{project.artifact_bucket_name}"
