"""`StudioImage`: the platform's own image for Studio and jobs, built in the account from one Dockerfile."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.pipeline import archives
from mlplatform.pipeline.image_build import ImageBuild, ImageSource
from mlplatform.policy import ServiceRole, Statement

SOURCE = Path(__file__).parent / "image"
_KEPT_IMAGES = 10
_UNTAGGED_DAYS = 7
_REGISTER_VERSION = (
    'aws sagemaker create-image-version --image-name "$IMAGE_NAME" --base-image "$IMAGE"'
    ' --client-token "${CODEBUILD_BUILD_ID##*:}"'
)


class StudioImage(Construct):
    """A repository, a build that fills it, and the SageMaker image whose versions Studio can offer.

    When to use: with `TrainingEnvironment(image=True)`. The Dockerfile and what it copies are in `image/` beside this
    module. A deployment builds nothing; somebody starts the build (`aws codebuild start-build --project-name
    <name>-image`), and offers the version it made by its number. A tag is the hash of the sources and never moves, so the
    same sources are pushed once: a second build of them fails, and says that the tag exists.

    Images are scanned on push and encrypted with the key; the ten newest are kept. The repository goes with the stack, since
    its images can be built again.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, key_arn: str, log_retention_days: int
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._name = name
        self._account: str = stack.account
        self._region: str = stack.region
        self._partition: str = stack.partition
        self._key_arn = key_arn
        self._repository = self._create_repository()
        files = archives.read_files(SOURCE)
        self.tag = archives.content_hash(files)[:16]
        """The tag of the image that these sources make."""
        self.uri = f"{self._repository.attr_repository_uri}:{self.tag}"
        """The image for jobs, once it is built: `ContainerImage.from_uri(image.uri)`."""
        self._create_image()
        source = ImageSource(
            files={f"{SOURCE.name}/{name}": body for name, body in files.items()}, build_words=SOURCE.name
        )
        self._create_build(source, log_retention_days)

    def custom_images(self, version: int | None) -> dict[str, object]:
        """What an app's settings say to offer a version of this image; nothing without one."""
        if version is None:
            return {}
        return {
            "customImages": [
                {
                    "appImageConfigName": self._app_image_config.ref,
                    "imageName": self._name,
                    "imageVersionNumber": version,
                }
            ]
        }

    def _create_repository(self) -> ecr.CfnRepository:
        repository = ecr.CfnRepository(
            self,
            "Repository",
            repository_name=self._name,
            image_scanning_configuration={"scanOnPush": True},
            image_tag_mutability="IMMUTABLE",
            encryption_configuration={"encryptionType": "KMS", "kmsKey": self._key_arn},
            empty_on_delete=True,
            lifecycle_policy={"lifecyclePolicyText": json.dumps({"rules": _lifecycle_rules()}, sort_keys=True)},
        )
        repository.apply_removal_policy(RemovalPolicy.DESTROY)
        return repository

    def _create_image(self) -> None:
        role = ServiceRole(
            self,
            "ImageRole",
            service="sagemaker.amazonaws.com",
            account=self._account,
            description=f"Reads the image {self._name} for Studio",
            statements=[
                Statement(
                    sid="ReadTheImage",
                    actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
                    resources=[self._repository.attr_arn],
                ),
            ],
        )
        sagemaker.CfnImage(
            self,
            "Image",
            image_name=self._name,
            image_role_arn=role.arn,
            image_description="The platform's own image for JupyterLab and jobs",
        )
        self._app_image_config = sagemaker.CfnAppImageConfig(
            self,
            "AppImageConfig",
            app_image_config_name=self._name,
            jupyter_lab_app_image_config={
                "containerConfig": {"containerEntrypoint": ["entrypoint-jupyter-server"]},
            },
        )
        self._image_role_arn = role.arn

    def _create_build(self, source: ImageSource, log_retention_days: int) -> None:
        image = f"arn:{self._partition}:sagemaker:{self._region}:{self._account}:image/{self._name}"
        ImageBuild(
            name=f"{self._name}-image",
            what=f"the image {self._name}",
            source=source,
            tag=self.tag,
            repository_arn=self._repository.attr_arn,
            repository_uri=self._repository.attr_repository_uri,
            partition=self._partition,
            account=self._account,
            key_arn=self._key_arn,
            log_retention_days=log_retention_days,
            then=[_REGISTER_VERSION],
            variables={"IMAGE_NAME": self._name},
            statements=[
                Statement(sid="RegisterVersions", actions=["sagemaker:CreateImageVersion"], resources=[image]),
                Statement(
                    sid="PassTheImageRole",
                    actions=["iam:PassRole"],
                    resources=[self._image_role_arn],
                    conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                ),
            ],
        ).create(self)


def _lifecycle_rules() -> list[dict[str, object]]:
    expire = {"type": "expire"}
    return [
        {
            "rulePriority": 1,
            "description": "Layers of builds that failed",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": _UNTAGGED_DAYS,
            },
            "action": expire,
        },
        {
            "rulePriority": 2,
            "description": "The newest images stay",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": _KEPT_IMAGES},
            "action": expire,
        },
    ]
