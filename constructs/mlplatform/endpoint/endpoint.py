"""What the three kinds of endpoints have in common: models, configuration, role, alarms, dashboard, log and access."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.batch_inference.options import NewestApproved
from mlplatform.compliance import accept
from mlplatform.endpoint.alarms import EndpointAlarms
from mlplatform.endpoint.dashboard import EndpointDashboard, Graph
from mlplatform.endpoint.http_api import EndpointApi, HttpApi
from mlplatform.endpoint.options import AlarmLimits, BlueGreen, EndpointModel
from mlplatform.endpoint.role import allowed_images, endpoint_role
from mlplatform.endpoint.versions import ModelVersions, Served
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.naming import resource_name
from mlplatform.policy import Role, Statement
from mlplatform.project import MlProject
from mlplatform.project.scope import OWN_NAMES

NOT_ISOLATED = "SageMaker does not isolate serverless models, or the team says that its containers call other services"
NO_VOLUME = "its instances have NVMe disks, which they encrypt themselves, and SageMaker refuses a key for them"
_RETAINED = ("DesiredWeight", "DataCaptureConfig")
"""What the template decides, whatever was set meanwhile; the instance count is what scaling decides."""
Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ServedVariant:
    """A variant as `CreateEndpointConfig` writes it, but for its model's name."""

    name: str
    model: EndpointModel
    machine: Json
    is_shadow: bool = False


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Of what an endpoint of some kind is made.

    `configuration` is what `CreateEndpointConfig` says besides the variants, `keeps_count` whether something scales it, so that no
    update sets the count back; `statements` are of the execution role; `environment` is of every container. Without `deployment`,
    SageMaker updates as it does by itself.
    """

    variants: Sequence[ServedVariant]
    configuration: Json
    image: ContainerImage
    follow_approvals: bool
    limits: AlarmLimits
    graphs: Sequence[Graph]
    endpoint_graphs: Sequence[Graph] = ()
    statements: Sequence[Statement] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    deployment: BlueGreen | None = None
    in_network: bool = True
    network_isolation: bool = True
    keeps_count: bool = False
    http_api: HttpApi | None = None


class Endpoint(Construct):
    """An endpoint of a project: see `RealtimeEndpoint`, `ServerlessEndpoint` and `AsyncEndpoint`, which make one."""

    def __init__(self, project: MlProject, construct_id: str) -> None:
        super().__init__(project, construct_id)
        self._project = project
        self.endpoint_name: str = resource_name(project.name, construct_id)
        """`<project>-<construct id in kebab case>`."""
        project.endpoints[self.endpoint_name] = construct_id
        self.endpoint_arn: str = project.scope.sagemaker_arn(f"endpoint/{self.endpoint_name}")

    def _make(self, parts: Parts) -> None:
        project = self._project
        self._parts = parts
        self.log_group = self._log("Log", f"/aws/sagemaker/Endpoints/{self.endpoint_name}")
        self.role = endpoint_role(
            self,
            "Role",
            project=project,
            endpoint_name=self.endpoint_name,
            image=parts.image,
            log_group_arns=[self.log_group.attr_arn],
            in_network=parts.in_network,
            statements=parts.statements,
        )
        """What the containers act as."""
        answering = {it.name: self._dimensions_of(it) for it in parts.variants if not it.is_shadow}
        self.alarms = EndpointAlarms(
            self,
            "Alarms",
            project=project,
            endpoint_name=self.endpoint_name,
            answering=answering,
            limits=parts.limits,
        )
        """What tells the project's topic, and rolls deployments back."""
        model, update = self._model(), self._update()
        self.models = ModelVersions(
            self,
            "Models",
            project=project,
            served=Served(
                endpoint_name=self.endpoint_name,
                role=self.role,
                images=allowed_images(project, parts.image),
                model=model,
                environment=parts.environment,
                update=update,
                configuration=self._digest(model, update),
            ),
            following=_following(parts),
        )
        """What finds the versions."""
        self.resource = self._create(model, update)
        self._let_people_look()
        self.api = (
            None
            if parts.http_api is None
            else EndpointApi(
                self,
                "Api",
                project=project,
                endpoint_name=self.endpoint_name,
                endpoint_arn=self.endpoint_arn,
                options=parts.http_api,
            )
        )
        """The HTTP API in front; None without `http_api`."""

    def _log(self, construct_id: str, name: str) -> logs.CfnLogGroup:
        return logs.CfnLogGroup(
            self,
            construct_id,
            log_group_name=name,
            retention_in_days=self._project.log_retention_days,
            kms_key_id=self._project.key_arn,
        )

    def grant_invoke(self, role: Role) -> None:
        """Let a role of the project invoke this endpoint, and nothing else by it."""
        role.allow(
            Statement(sid="InvokeEndpoints", actions=["sagemaker:InvokeEndpoint"], resources=[self.endpoint_arn]),
        )

    def _dimensions_of(self, variant: ServedVariant) -> dict[str, str]:
        return {"EndpointName": self.endpoint_name, "VariantName": variant.name}

    def _model(self) -> dict[str, Any]:
        """What `CreateModel` says of every variant, besides name, role and container."""
        vpc = self._project.network.vpc_config() if self._parts.in_network else None
        isolated = {"EnableNetworkIsolation": True} if self._parts.network_isolation else {}
        return isolated if vpc is None else {**isolated, "VpcConfig": vpc}

    def _update(self) -> dict[str, Any]:
        """What `UpdateEndpoint` says besides names: nothing where there are no instances."""
        if self._parts.deployment is None:
            return {}
        decided = (*_RETAINED, *(() if self._parts.keeps_count else ("DesiredInstanceCount",)))
        return {
            "RetainAllVariantProperties": True,
            "DeploymentConfig": self._parts.deployment.policy(self.alarms.names),
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": kind} for kind in decided],
        }

    def _digest(self, model: Json, update: Json) -> str:
        """Of everything that is decided at synthesis: it changes when CloudFormation would change the endpoint."""
        parts = self._parts
        decided = {
            "name": self.endpoint_name,
            "role": self.role.arn,
            "model": model,
            "environment": dict(parts.environment),
            "update": update,
            "configuration": parts.configuration,
            "variants": [[it.name, it.model.to_json(), it.machine, it.is_shadow] for it in parts.variants],
            "tags": dict(self._project.tags),
        }
        return digest(self, decided)

    def _create(self, model: Json, update: Json) -> sagemaker.CfnEndpoint:
        parts = self._parts
        variants: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        for variant in parts.variants:
            created = sagemaker.CfnModel(
                self,
                f"{variant.name}-Model",
                execution_role_arn=self.role.arn,
                primary_container={
                    "modelPackageName": self.models.arn(variant.model),
                    "environment": dict(parts.environment) or None,
                },
                **keywords(model),
            )
            if not parts.network_isolation:
                accept(created, {"CKV_AWS_370": NOT_ISOLATED})
            variants[variant.is_shadow].append(
                {"VariantName": variant.name, "ModelName": created.attr_model_name, **variant.machine}
            )
        shadows = {"ShadowProductionVariants": variants[True]} if variants[True] else {}
        configuration = {"ProductionVariants": variants[False], **shadows, **parts.configuration}
        config = sagemaker.CfnEndpointConfig(self, "Config", **keywords(configuration))
        if "KmsKeyId" not in configuration:
            accept(config, {"CKV_AWS_98": NO_VOLUME})
        return sagemaker.CfnEndpoint(
            self,
            "Default",  # so that it is called after this construct
            endpoint_name=self.endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
            **keywords(update),
        )

    def _let_people_look(self) -> None:
        """The project's data scientists see how endpoints are, and what their containers log: said once for all, since IAM counts."""
        scope = self._project.scope
        groups = [f"log-group:/aws/sagemaker/{kind}/{scope.name}-*" for kind in ("Endpoints", "InferenceComponents")]
        self._project.data_scientist_role.allow(
            Statement(
                sid="LookAtEndpoints",
                actions=["sagemaker:DescribeEndpoint"],
                resources=[scope.sagemaker_arn(f"endpoint/{scope.name}-*")],
                wildcard_reason=OWN_NAMES,
            ),
            Statement(
                sid="ReadLogs",  # Which they have for jobs and functions.
                actions=["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
                resources=[scope.arn("logs", group) for group in groups],
                wildcard_reason=OWN_NAMES,
            ),
        )

    def _show(self) -> None:
        """Called last, when all alarms are there."""
        self.dashboard = EndpointDashboard(
            self,
            "Dashboard",
            endpoint_name=self.endpoint_name,
            region=self._project.region,
            answering=[self._dimensions_of(variant) for variant in self._parts.variants],
            of_answering=self._parts.graphs,
            of_endpoint=self._parts.endpoint_graphs,
            alarm_arns=self.alarms.arns,
        )
        """The endpoint at one look."""


def _following(parts: Parts) -> list[str]:
    """The variants that take each new approval."""
    return [it.name for it in parts.variants if parts.follow_approvals and isinstance(it.model, NewestApproved)]


def digest(scope: Construct, decided: Json) -> str:
    """Of what is decided at synthesis; the references in it count as such."""
    text = json.dumps(Stack.of(scope).resolve(decided), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def keywords(request: Json) -> dict[str, Any]:
    """The members of a request as keyword arguments of the CDK: `KmsKeyId` is `kms_key_id`, and `kmsKeyId` further down."""
    return {_snake(name): _lower_camel(value) for name, value in request.items()}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")


def _lower_camel(value: Any) -> Any:
    if isinstance(value, Mapping):
        # The CDK writes one capital of an abbreviation: memorySizeInMb.
        return {
            (name[0].lower() + name[1:]).replace("InMB", "InMb"): _lower_camel(item) for name, item in value.items()
        }
    return [_lower_camel(item) for item in value] if isinstance(value, list) else value
