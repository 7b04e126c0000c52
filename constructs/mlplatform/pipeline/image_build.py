"""A container image that is built in the account, by CodeBuild, from a Dockerfile of this library."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlplatform.compliance import accept
from mlplatform.pipeline import archives
from mlplatform.pipeline.source import StagedSource, stage_files
from mlplatform.policy import ServiceRole, Statement
from mlrecords.packages import LABEL, LOOK

_BUILD_MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """What an image is made of: files by path, and the words after `docker build --tag <image>` that build them."""

    files: Mapping[str, bytes]
    build_words: str

    @property
    def tag(self) -> str:
        """The hash of the files: the same files are the same tag."""
        return archives.content_hash(self.files)[:16]


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """How an image is built, labelled with what is installed in it, and pushed.

    Parameters:
        name: of the CodeBuild project and of its log.
        what: what is built, in words.
        repository_arn, repository_uri: where it is pushed to, under `tag`.
        partition, account: of the stack.
        key_arn: what encrypts the log and the build; it must let CloudWatch Logs use it.
        then: shell commands after the push, which may need `variables` and `statements`.
    """

    name: str
    what: str
    source: ImageSource
    tag: str
    repository_arn: str
    repository_uri: str
    partition: str
    account: str
    key_arn: str
    log_retention_days: int
    then: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    statements: Sequence[Statement] = ()

    def create(self, scope: Construct) -> codebuild.CfnProject:
        """The build, its log and its role. A deployment builds nothing: somebody starts it, once for each tag."""
        log_group = logs.CfnLogGroup(
            scope,
            "BuildLog",
            log_group_name=f"/aws/codebuild/{self.name}",
            retention_in_days=self.log_retention_days,
            kms_key_id=self.key_arn,
        )
        staged = stage_files(scope, self.source.files)
        role = ServiceRole(
            scope,
            "BuildRole",
            service="codebuild.amazonaws.com",
            account=self.account,
            description=f"Builds {self.what}",
            statements=self._statements(log_group.attr_arn, staged),
        )
        variables = {"IMAGE_TAG": self.tag, "REPOSITORY_URI": self.repository_uri, **self.variables}
        project = codebuild.CfnProject(
            scope,
            "Build",
            name=self.name,
            description=f"Builds {self.what} from its Dockerfile",
            service_role=role.arn,
            source={
                "type": "S3",
                "location": f"{staged.bucket_name}/{staged.object_key}",
                "buildSpec": json.dumps({"version": 0.2, "phases": {"build": {"commands": self._commands()}}}),
            },
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "computeType": "BUILD_GENERAL1_MEDIUM",
                "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                "privilegedMode": True,
                "environmentVariables": [{"name": name, "value": variables[name]} for name in sorted(variables)],
            },
            encryption_key=self.key_arn,
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
        return project

    def _commands(self) -> list[str]:
        return [
            'IMAGE="$REPOSITORY_URI:$IMAGE_TAG"',
            'aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY_URI%%/*}"',
            f'docker build --tag "$IMAGE" {self.source.build_words}',
            f'INSTALLED=$(docker run --rm --entrypoint python3 "$IMAGE" -c {shlex.quote(LOOK)})',
            f'echo "FROM $IMAGE" | docker build --tag "$IMAGE" --label {LABEL}="$INSTALLED" -',
            'docker push "$IMAGE"',
            *self.then,
        ]

    def _statements(self, log_group_arn: str, source: StagedSource) -> list[Statement]:
        return [
            Statement(
                sid="WriteOwnLog", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group_arn]
            ),
            Statement(
                sid="ReadTheSource",
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[f"arn:{self.partition}:s3:::{source.bucket_name}/{source.object_key}"],
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
                resources=[self.repository_arn],
            ),
            *self.statements,
            Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key_arn]),
        ]
