"""The function behind an endpoint's models: what finds their versions when it is deployed, and brings approvals into service."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aws_cdk import CfnCustomResource
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mlplatform.endpoint.options import EndpointModel
from mlplatform.pipeline.functions import MODEL_REGISTRY, RuntimeFunction
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject
from mlplatform.project.job_permissions import encrypt_volumes, use_key
from mlplatform.project.pipeline_permissions import tag_what_it_creates
from mlplatform.project.scope import ProjectScope
from mlplatform.training.registry import read_registry

_CODE = Path(__file__).parent / "runtime" / "endpoint_models"
_LAMBDA_SECONDS = (
    900  # The longest that a function may run: a deployment waits for an approval's update that is under way.
)
_RETRIES = 2  # The most that Lambda tries an event again (API reference, PutFunctionEventInvokeConfig).
_CLOCK = "rate(5 minutes)"
"""Lambda's free tier covers it: 8,640 calls a month of less than a second (AWS Lambda pricing)."""
_KINDS = (("endpoint-config", "EndpointConfig"), ("model", "Model"))
_CALLED_AFTER = "an approval's models and configurations are called after the endpoint and the version"


@dataclass(frozen=True, kw_only=True)
class Served:
    """What the function needs to know of the endpoint: see `endpoint_models.settings`."""

    endpoint_name: str
    role: ServiceRole
    images: Sequence[str]
    model: Mapping[str, Any]
    update: Mapping[str, Any]
    configuration: str
    environment: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class ModelVersions(Construct):
    """Finds the versions of an endpoint's variants when it is deployed; with `following`, brings later approvals into service.

    A version is looked up whenever the endpoint is about to change (its `configuration` is another), so that no deployment takes
    an approval back, and a deployment that changes nothing about the endpoint leaves it alone (docs/adr/0022).

    Parameters:
        project: whose registry it is.
        served: the endpoint, with the inference components that take each new approval.
        following: the variants that take each new approval; none when empty.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, project: MlProject, served: Served, following: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        self._project, self._served = project, served
        follows = bool(following or served.components)
        self._found: dict[EndpointModel, CfnCustomResource] = {}
        settings = {
            "endpoint_name": served.endpoint_name,
            "model_package_group_name": project.model_package_group_name,
            "configuration": served.configuration,
            "images": list(served.images),
            "following": list(following),
            "model": {"ExecutionRoleArn": served.role.arn, **served.model},
            "environment": dict(served.environment),
            "update": dict(served.update),
            "tags": [{"Key": key, "Value": value} for key, value in project.tags.items()],
            "topic_arn": project.topic_arn,
            "components": dict(served.components),
        }
        self.function = RuntimeFunction(
            self,
            "Function",
            name=f"{served.endpoint_name}-models",
            description=f"Finds the model versions of the endpoint {served.endpoint_name}",
            code=_CODE,
            libraries=[MODEL_REGISTRY],
            handler="endpoint_models.handler.handler",
            environment={"ENDPOINT": json.dumps(settings)},
            statements=[*self._finding(), *(self._following() if follows else [])],
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
            failures="CloudFormation shows the reason of a failure; events that it fails on go to the project's topic",
            timeout_seconds=_LAMBDA_SECONDS,
        )
        if follows:
            self._hear()

    def arn(self, model: EndpointModel) -> str:
        """The ARN of the version that is chosen so, as the deployment finds it."""
        if model not in self._found:
            kind = str(model.to_json()["kind"]).title().replace("_", "")
            resource = CfnCustomResource(
                self,
                f"{kind}{model.to_json().get('version', '')}",
                service_token=self.function.function_arn,
                service_timeout=_LAMBDA_SECONDS,
            )
            resource.add_property_override("Choice", model.to_json())
            resource.add_property_override("Configuration", self._served.configuration)
            self._found[model] = resource
        arn: str = self._found[model].get_att("ModelPackageArn").to_string()
        return arn

    def _finding(self) -> list[Statement]:
        scope, name = self._project.scope, self._served.endpoint_name
        return [
            *read_registry(self._project),
            Statement(
                sid="LookAtTheEndpoint",
                actions=["sagemaker:DescribeEndpoint"],
                resources=[scope.sagemaker_arn(f"endpoint/{name}")],
            ),
            *look_at_components(scope, self._served.components),
            Statement(
                sid="FindWhatApprovalsBrought",
                actions=["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"],
                resources=["*"],
                wildcard_reason="lists have no resource type; they show names and change nothing",
            ),
            *(
                Statement(
                    sid=f"ClearUp{action}s",
                    actions=[f"sagemaker:Delete{action}"],
                    resources=[self._brought(kind)],
                    wildcard_reason=_CALLED_AFTER,
                )
                for kind, action in _KINDS
            ),
            use_key(scope),
        ]

    def _following(self) -> list[Statement]:
        scope = self._project.scope
        return [
            *read_served(scope),
            *(statement for kind, action in _KINDS for statement in self._bringing(kind, action)),
            self._updating(),
            Statement(
                sid="PassTheRole",
                actions=["iam:PassRole"],
                resources=[self._served.role.arn],
                conditions=scope.passed_to_sagemaker,
            ),
            encrypt_volumes(scope),
            Statement(sid="Tell", actions=["sns:Publish"], resources=[self._project.topic_arn]),
        ]

    def _updating(self) -> Statement:
        scope, served = self._project.scope, self._served
        if served.components:
            return Statement(
                sid="UpdateComponents",
                actions=["sagemaker:UpdateInferenceComponent"],
                resources=component_arns(scope, served.components),
            )
        return Statement(
            sid="UpdateTheEndpoint",
            actions=["sagemaker:UpdateEndpoint"],
            resources=[scope.sagemaker_arn(f"endpoint/{served.endpoint_name}"), self._brought("endpoint-config")],
            wildcard_reason=_CALLED_AFTER,
        )

    def _bringing(self, kind: str, action: str) -> Iterator[Statement]:
        yield Statement(
            sid=f"Bring{action}s",
            # Describing without the condition on tags: what is not there yet has none.
            actions=[f"sagemaker:Create{action}", f"sagemaker:Describe{action}"],
            resources=[self._brought(kind)],
            wildcard_reason=_CALLED_AFTER,
        )
        yield replace(
            tag_what_it_creates([self._brought(kind)], [f"Create{action}"], reason=_CALLED_AFTER), sid=f"Tag{action}s"
        )

    def _brought(self, kind: str) -> str:
        return self._project.scope.sagemaker_arn(f"{kind}/{self._served.endpoint_name}-v*")

    def _hear(self) -> None:
        lambda_.CfnEventInvokeConfig(
            self,
            "FailedEvents",
            function_name=self.function.resource.ref,
            qualifier="$LATEST",
            maximum_retry_attempts=_RETRIES,
            destination_config={"onFailure": {"destination": self._project.topic_arn}},
        )
        for construct_id, (what, when) in self._hints().items():
            rule = events.CfnRule(
                self,
                construct_id,
                description=f"Has the endpoint {self._served.endpoint_name} follow approvals: {what}",
                targets=[{"id": "Models", "arn": self.function.function_arn}],
                **when,
            )
            lambda_.CfnPermission(
                self,
                f"Hear{construct_id}",
                action="lambda:InvokeFunction",
                function_name=self.function.resource.ref,
                principal="events.amazonaws.com",
                source_arn=rule.attr_arn,
            )

    def _hints(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Rules by construct id: approvals, and what calls when the endpoint or a component has changed."""
        of_group = {"ModelPackageGroupName": [self._project.model_package_group_name]}
        approvals = _events(
            "SageMaker Model Package State Change", {**of_group, "ModelApprovalStatus": ["Approved", "Rejected"]}
        )
        if self._served.components:  # SageMaker sends no events of inference components.
            return {"Approvals": approvals, "Clock": ("a clock", {"schedule_expression": _CLOCK})}
        # An approval that came while the endpoint was changing waits for this.
        changes = _events("SageMaker Endpoint State Change", {"EndpointName": [self._served.endpoint_name]})
        return {"Approvals": approvals, "Changes": changes}


def _events(detail_type: str, detail: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    pattern = {"source": ["aws.sagemaker"], "detail-type": [detail_type], "detail": detail}
    return detail_type, {"event_pattern": pattern}


def component_arns(scope: ProjectScope, components: Iterable[str]) -> list[str]:
    """Of the inference components of these names."""
    return [scope.sagemaker_arn(f"inference-component/{name}") for name in components]


def look_at_components(scope: ProjectScope, components: Iterable[str]) -> list[Statement]:
    """See which model these inference components have; nothing to see without any."""
    arns = component_arns(scope, components)
    looks = Statement(sid="LookAtComponents", actions=["sagemaker:DescribeInferenceComponent"], resources=arns)
    return [looks] if arns else []


def read_served(scope: ProjectScope, actions: Sequence[str] = ("EndpointConfig", "Model")) -> list[Statement]:
    """See what an endpoint's configuration is, and which model, so which version, stands behind a variant."""
    return [
        Statement(
            sid=f"ReadServed{action}s",
            actions=[f"sagemaker:Describe{action}"],
            resources=[scope.sagemaker_arn(f"{kind}/*")],
            conditions=scope.tagged_as_own,
            wildcard_reason="CloudFormation names them anew when they change; the condition tells whose they are",
        )
        for kind, action in _KINDS
        if action in actions
    ]
