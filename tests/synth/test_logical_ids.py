"""Logical ids of stateful resources are API: a changed one makes CloudFormation replace the resource and its data.

When a change is meant (a new resource, or one that holds nothing yet), edit logical_ids.json by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Synthesized

STATEFUL = (
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::ECR::Repository",
    "AWS::SNS::Topic",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::SageMaker::MlflowApp",
    "AWS::SageMaker::Domain",
    "AWS::SageMaker::Space",
    "AWS::SageMaker::UserProfile",
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
)
PINNED = Path(__file__).with_name("logical_ids.json")


def test_stateful_resources_keep_their_logical_ids(dev: Synthesized) -> None:
    found: dict[str, dict[str, str]] = {}
    for stack, logical_id, resource in dev.resources(*STATEFUL):
        found.setdefault(stack, {})[logical_id] = resource["Type"]
    assert found == json.loads(PINNED.read_text(encoding="utf-8"))


def test_what_holds_data_outlives_its_stack(dev: Synthesized) -> None:
    kept = (
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::SageMaker::MlflowApp",
        "AWS::SageMaker::ModelPackageGroup",
    )
    lost = [
        f"{stack}.{logical_id}"
        for stack, logical_id, resource in dev.resources(*kept)
        if (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) != ("Retain", "Retain")
    ]
    assert lost == []
