"""What an endpoint's containers may do: read models, be pulled, log to their own group, and write where the endpoint writes."""

from __future__ import annotations

from collections.abc import Sequence

from constructs import Construct

from mlplatform.pipeline.image import ContainerImage
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject
from mlplatform.project.images import repository_arn
from mlplatform.project.job_permissions import (
    encrypt_volumes,
    log_in_to_registries,
    pull_images,
    put_metrics,
    read_objects,
    use_key,
    vpc_statements,
)
from mlplatform.project.scope import SAGEMAKER


def endpoint_role(
    scope: Construct,
    construct_id: str,
    *,
    project: MlProject,
    endpoint_name: str,
    image: ContainerImage,
    log_group_arns: Sequence[str],
    in_network: bool,
    statements: Sequence[Statement] = (),
) -> ServiceRole:
    """The execution role of one endpoint. Unlike that of jobs it sees no data, and writes nothing but what `statements` say."""
    names = project.scope
    placed = vpc_statements(names) if in_network and names.network is not None else []
    return ServiceRole(
        scope,
        construct_id,
        service=SAGEMAKER,
        account=project.account,
        path=project.role_path,
        description=f"Models on the endpoint {endpoint_name}",
        statements=[
            *read_objects([names.artifact_bucket_arn]),
            use_key(names),
            encrypt_volumes(names),
            Statement(
                sid="WriteOwnLog",
                actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=log_group_arns,
            ),
            put_metrics(),
            log_in_to_registries(),
            _pull(project, image),
            *placed,
            *statements,
        ],
    )


def allowed_images(project: MlProject, image: ContainerImage) -> list[str]:
    """Patterns of the images that the role may pull: any tag of the given one's repository, and of the project's own."""
    given = image.uri(project.region)
    untagged = given.partition("@")[0] if "@" in given else given.rpartition(":")[0] or given
    own = project.repository_uri
    return [given, *(f"{repository}[:@]*" for repository in (untagged, own)), f"{own}/*"]


def _pull(project: MlProject, image: ContainerImage) -> Statement:
    given = repository_arn(image.uri(project.region), partition=project.partition)
    own = project.scope.arn("ecr", f"repository/{project.name}")
    return pull_images(
        [*([] if given is None else [given]), own, f"{own}/*"],
        wildcard_reason="the repositories of a project are called after it, and no other project's begin so",
    )
