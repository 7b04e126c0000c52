"""The project's repository of container images: scanned on push, immutable, encrypted, and kept small."""

from __future__ import annotations

import json
import re

from aws_cdk import aws_ecr as ecr
from constructs import Construct

_ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)([:@].+)?"
)
KEPT_IMAGES = 50
UNTAGGED_DAYS = 14
_LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"Expire untagged images after {UNTAGGED_DAYS} days",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": UNTAGGED_DAYS,
                },
                "action": {"type": "expire"},
            },
            {
                "rulePriority": 2,
                "description": f"Keep the newest {KEPT_IMAGES} images",
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
                "action": {"type": "expire"},
            },
        ]
    }
)


def image_repository(scope: Construct, construct_id: str, *, name: str, key_arn: str) -> ecr.CfnRepository:
    """Create the repository, called after the project; a tag that was pushed once never means another image."""
    return ecr.CfnRepository(
        scope,
        construct_id,
        repository_name=name,
        encryption_configuration={"encryptionType": "KMS", "kmsKey": key_arn},
        image_scanning_configuration={"scanOnPush": True},
        image_tag_mutability="IMMUTABLE",
        lifecycle_policy={"lifecyclePolicyText": _LIFECYCLE},
    )


def repository_arn(image_uri: str, *, partition: str) -> str | None:
    """Of the repository in ECR that an image is in; None for images of other registries, and for URIs that hold tokens."""
    image = _ECR_IMAGE.fullmatch(image_uri)
    return image and "arn:{}:ecr:{}:{}:repository/{}".format(
        partition, image["region"], image["account"], image["repository"]
    )
