"""A project's six roles, by job, and the boundary that holds them and every other role in the project."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from aws_cdk import aws_iam as iam
from constructs import Construct

from mlplatform.compliance import accept, finding_names
from mlplatform.policy import Role, ServiceRole
from mlplatform.project.access import ProjectAccess, auditor_trust, data_scientist_trust, deploy_trust
from mlplatform.project.boundary import boundary_document, wildcards
from mlplatform.project.job_permissions import inference_statements, training_statements
from mlplatform.project.people_permissions import auditor_statements, data_scientist_statements, deploy_statements
from mlplatform.project.pipeline_permissions import pipeline_statements
from mlplatform.project.scope import SAGEMAKER, ProjectScope

_CAP = "a boundary grants nothing: it is what the policies of the project's roles cannot exceed"


class ProjectRoles:
    """Who does what in a project: `training_job`, `inference_job`, `pipeline`, `data_scientist`, `deploy`, `auditor`.

    Made by `MlProject`. The boundary applies to every role below `construct`, those included that others add later.
    """

    def __init__(self, construct: Construct, scope: ProjectScope, access: ProjectAccess) -> None:
        _bound(construct, scope)
        service = partial(ServiceRole, construct, service=SAGEMAKER, account=scope.account, path=scope.role_path)
        people = partial(Role, construct, path=scope.role_path)
        name = scope.name
        self.training_job = service(
            "TrainingJobRole",
            description=f"Processing and training jobs of the project {name}",
            statements=training_statements(scope),
        )
        self.inference_job = service(
            "InferenceJobRole",
            description=f"Models of the project {name}, and the jobs around them",
            statements=inference_statements(scope),
        )
        job_role_arns = [role.arn for role in self.jobs]
        self.pipeline = service(
            "PipelineRole",
            description=f"Pipeline executions of the project {name}",
            statements=pipeline_statements(scope, job_role_arns=job_role_arns),
        )
        self.data_scientist = people(
            "DataScientistRole",
            trust=data_scientist_trust(scope),
            description=f"People who work in the project {name}, in Studio and outside",
            statements=data_scientist_statements(scope, job_role_arns=job_role_arns),
        )
        self.deploy = people(
            "DeployRole",
            trust=deploy_trust(scope, access),
            description=f"CI of the project {name}: delivers images and pipelines",
            statements=deploy_statements(scope),
        )
        self.auditor = people(
            "AuditorRole",
            trust=auditor_trust(access),
            description=f"Auditors of the project {name}: read everything but data",
            statements=auditor_statements(scope),
        )

    @property
    def jobs(self) -> tuple[Role, Role]:
        """The roles that jobs run as, and the only ones that are ever passed."""
        return (self.training_job, self.inference_job)

    @property
    def starting(self) -> Sequence[Role]:
        """The roles that can start what costs."""
        return (self.pipeline, self.data_scientist, self.deploy)


def _bound(construct: Construct, scope: ProjectScope) -> None:
    document = boundary_document(scope)
    boundary = iam.CfnManagedPolicy(
        construct,
        "Boundary",
        description=f"What no role of the project {scope.name} can exceed",
        path=scope.role_path,
        policy_document=document,
    )
    findings = finding_names(boundary, wildcards(document))
    rules = [*(f"AwsSolutions-IAM5[{finding}]" for finding in findings), "CKV_AWS_108", "CKV_AWS_109", "CKV_AWS_111"]
    accept(boundary, dict.fromkeys(rules, _CAP))
    bounded = iam.ManagedPolicy.from_managed_policy_arn(construct, "BoundaryArn", boundary.ref)
    iam.PermissionsBoundary.of(construct).apply(bounded)
