"""`StudioImage`: the platform's own image for Studio and jobs, built in the account from one Dockerfile."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.compliance import accept
from mlplatform.pipeline import archives
from mlplatform.pipeline.source import StagedSource, stage_zip
from mlplatform.policy import ServiceRole, Statement

SOURCE = Path(__file__).parent / "image"
_KEPT_IMAGES = 10
_UNTAGGED_DAYS = 7
_BUILD_MINUTES = 60
_BUILD_COMMANDS = (
    'IMAGE="$REPOSITORY_URI:$IMAGE_TAG"',
    'aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY_URI%%/*}"',
    'docker build --tag "$IMAGE" image',
    'docker push "$IMAGE"',
    'aws sagemaker create-image-version --image-name "$IMAGE_NAME" --base-image "$IMAGE"'
    ' --client-token "${CODEBUILD_BUILD_ID##*:}"',
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
        self.tag = archives.content_hash(archives.read_files(SOURCE))[:16]
        """The tag of the image that these sources make."""
        self.uri = f"{self._repository.attr_repository_uri}:{self.tag}"
        """The image for jobs, once it is built: `ContainerImage.from_uri(image.uri)`."""
        self._create_image()
        self._create_build(log_retention_days)

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

    def _create_build(self, log_retention_days: int) -> None:
        project_name = f"{self._name}-image"
        log_group = logs.CfnLogGroup(
            self,
            "BuildLog",
            log_group_name=f"/aws/codebuild/{project_name}",
            retention_in_days=log_retention_days,
            kms_key_id=self._key_arn,
        )
        source = stage_zip(self, SOURCE)
        role = ServiceRole(
            self,
            "BuildRole",
            service="codebuild.amazonaws.com",
            account=self._account,
            description=f"Builds the image {self._name}",
            statements=self._build_statements(log_group.attr_arn, source),
        )
        project = codebuild.CfnProject(
            self,
            "Build",
            name=project_name,
            description=f"Builds the image {self._name} from its Dockerfile and registers a version of it",
            service_role=role.arn,
            source={
                "type": "S3",
                "location": f"{source.bucket_name}/{source.object_key}",
                "buildSpec": json.dumps({"version": 0.2, "phases": {"build": {"commands": list(_BUILD_COMMANDS)}}}),
            },
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "computeType": "BUILD_GENERAL1_MEDIUM",
                "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                "privilegedMode": True,
                "environmentVariables": [
                    {"name": "IMAGE_NAME", "value": self._name},
                    {"name": "IMAGE_TAG", "value": self.tag},
                    {"name": "REPOSITORY_URI", "value": self._repository.attr_repository_uri},
                ],
            },
            encryption_key=self._key_arn,
            logs_config={"cloudWatchLogs": {"status": "ENABLED", "groupName": log_group.ref}},
            concurrent_build_limit=1,
            timeout_in_minutes=_BUILD_MINUTES,
        )
        accept(
            project,
            {
                "AwsSolutions-CB3": "it builds a container image: Docker needs the privileged mode, and runs nothing else"
            },
        )

    def _build_statements(self, log_group_arn: str, source: StagedSource) -> list[Statement]:
        image = f"arn:{self._partition}:sagemaker:{self._region}:{self._account}:image/{self._name}"
        return [
            Statement(
                sid="WriteOwnLog", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group_arn]
            ),
            Statement(
                sid="ReadTheSource",
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[f"arn:{self._partition}:s3:::{source.bucket_name}/{source.object_key}"],
            ),
            Statement(
                sid="LogInToRegistries",
                actions=["ecr:GetAuthorizationToken"],
                resources=["*"],
                wildcard_reason="it has no resource type; pushing is confined to the one repository",
            ),
            Statement(
                sid="PushTheImage",
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ],
                resources=[self._repository.attr_arn],
            ),
            Statement(sid="RegisterVersions", actions=["sagemaker:CreateImageVersion"], resources=[image]),
            Statement(
                sid="PassTheImageRole",
                actions=["iam:PassRole"],
                resources=[self._image_role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._key_arn]),
        ]


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
