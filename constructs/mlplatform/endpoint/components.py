"""`ComponentEndpoint`: several models on the instances of one endpoint, each scaled by itself, to zero if nobody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_sagemaker as sagemaker

from mlplatform.batch_inference.options import NewestApproved
from mlplatform.compliance import accept
from mlplatform.endpoint.alarms import EndpointAlarms
from mlplatform.endpoint.component_options import InferenceComponent, naming_problems, room_problems
from mlplatform.endpoint.dashboard import COMPONENT_GRAPHS, EndpointDashboard
from mlplatform.endpoint.endpoint import NO_VOLUME, NOT_ISOLATED, Endpoint, digest, keywords
from mlplatform.endpoint.http_api import EndpointApi, HttpApi
from mlplatform.endpoint.options import (
    DEFAULT_INSTANCE_TYPE,
    MAIN,
    ROUTING,
    AlarmLimits,
    DataCapture,
    Variant,
    name_problems,
)
from mlplatform.endpoint.realtime import captured, following_problems, volume_key, write_captured
from mlplatform.endpoint.role import allowed_images, endpoint_role
from mlplatform.endpoint.versions import ModelVersions, Served, component_arns
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.policy import Role, Statement
from mlplatform.project import MlProject
from mlplatform.scaling import EndpointScaling

_STUCK_MINUTES = 30  # Twice the longest provisioning that is known, and some.
_WAIT_SECONDS = 300  # The alarms need three minutes; `BlueGreen` waits as long.
_PERCENT = 50  # The most that a batch may be: API reference, InferenceComponentRollingUpdatePolicy.


class ComponentEndpoint(Endpoint):
    """A real-time endpoint with several models, each with copies of its own, on instances that SageMaker brings and takes away.

    When to use: for models that do not fill an instance each, and for those that may be without an instance while nobody asks:
    with `Scaling(minimum=0, maximum=2, target=..., steps=(WAKE_FROM_ZERO,))`, the target one of `Signal.CONCURRENT_REQUESTS`, the last
    copy goes after a quarter of an hour, and the last instance with it. Requests fail until the first one has brought a copy back,
    which takes minutes: callers try again. For one model that always answers take a `RealtimeEndpoint`, for a queue that waits an
    `AsyncEndpoint`.

    A new version comes into a component by a deployment, or by its approval with `follow_approvals`, batch by batch: new copies before
    old ones go, which needs room for them; alarms on errors and latency of the component move it back. Containers run in the project's
    network, cut off from it.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the endpoint is called `<project>-<construct id in kebab case>`.
        components: its models.
        instance_type: of every instance: `ml.m5.large` when not given.
        max_instances: how many there may be; 2 when not given. Copies at their maximum, and one more in an update, need room on them.
        follow_approvals: whether components with the newest approved version take the next one as soon as it is approved.
        alarms, capture, image, network_isolation: as of `RealtimeEndpoint`.
        http_api: an HTTP API with IAM authentication in front, with the component's own name at the end of the path; none when not given.

    Sources: Amazon SageMaker AI developer guide, "Deploy models for real-time inference", "Scale an endpoint to zero instances"; API
    reference, `CreateInferenceComponent`. Raises `InvalidPropsError` with every mistake in the props.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        components: Sequence[InferenceComponent],
        instance_type: str = DEFAULT_INSTANCE_TYPE,
        max_instances: int = 2,
        follow_approvals: bool = False,
        alarms: AlarmLimits | None = None,
        capture: DataCapture | None = None,
        image: ContainerImage | None = None,
        network_isolation: bool = True,
        http_api: HttpApi | None = None,
    ) -> None:
        name = resource_name(project.name, construct_id)
        hosting = Variant(name=MAIN, instance_type=instance_type, model=NewestApproved())
        raise_if_any(
            f"ComponentEndpoint '{construct_id}'",
            [
                *name_problems(project, name),
                *hosting.limit_problems(project.limits),
                *naming_problems(name, components),
                *room_problems(components, instance_type, max_instances),
                *following_problems(follow_approvals, [it.model for it in components]),
            ],
        )
        super().__init__(project, construct_id)
        self._components = {it.name: it for it in components}
        self.component_names: dict[str, str] = {it.name: f"{name}-{it.name}" for it in components}
        """What callers give as `InferenceComponentName`, by the component's own name."""
        allowed = ContainerImage.scikit_learn() if image is None else image
        self._log_groups = [
            self._log("Log", f"/aws/sagemaker/Endpoints/{name}"),
            *(
                self._log(f"{own}-Log", f"/aws/sagemaker/InferenceComponents/{whole}")
                for own, whole in self.component_names.items()
            ),
        ]
        self.role = endpoint_role(
            self,
            "Role",
            project=project,
            endpoint_name=name,
            image=allowed,
            log_group_arns=[group.attr_arn for group in self._log_groups],
            in_network=True,
            statements=write_captured(project, name, capture),
        )
        """What the containers act as."""
        dimensions = {own: {"InferenceComponentName": whole} for own, whole in self.component_names.items()}
        self.alarms = EndpointAlarms(
            self,
            "Alarms",
            project=project,
            endpoint_name=name,
            answering=dimensions,
            limits=AlarmLimits() if alarms is None else alarms,
        )
        """What tells the project's topic, and rolls new versions back."""
        placed = self._placed(network_isolation)
        configuration = self._hosting(placed, hosting, max_instances, captured(project, name, capture))
        follow = [it for it in components if follow_approvals and isinstance(it.model, NewestApproved)]
        self.models = ModelVersions(
            self,
            "Models",
            project=project,
            served=Served(
                endpoint_name=name,
                role=self.role,
                images=allowed_images(project, allowed),
                model=placed,
                update={},
                configuration=self._decided(placed, configuration),
                components={self.component_names[it.name]: self._rolling(it) for it in follow},
            ),
            following=[],
        )
        """What finds the versions."""
        self.resource = self._host(configuration)
        self.components = {it.name: self._component(it, placed) for it in components}
        """By name."""
        for component in components:
            self._scale(component)
        self._let_people_look()
        self.dashboard = EndpointDashboard(
            self,
            "Dashboard",
            endpoint_name=name,
            region=project.region,
            answering=list(dimensions.values()),
            of_answering=COMPONENT_GRAPHS,
            of_endpoint=(),
            alarm_arns=self.alarms.arns,
        )
        """The endpoint at one look."""
        self.api = (
            None
            if http_api is None
            else EndpointApi(
                self,
                "Api",
                project=project,
                endpoint_name=name,
                endpoint_arn=self.endpoint_arn,
                options=http_api,
                components=self.component_names,
            )
        )
        """The HTTP API in front; None without `http_api`."""

    def grant_invoke(self, role: Role) -> None:
        """Let a role of the project invoke the components of this endpoint, and nothing else by it."""
        own = component_arns(self._project.scope, self.component_names.values())
        role.allow(
            Statement(
                sid="InvokeComponents", actions=["sagemaker:InvokeEndpoint"], resources=[self.endpoint_arn, *own]
            ),
        )

    def _placed(self, network_isolation: bool) -> dict[str, Any]:
        """What models and the configuration say alike: where containers are, and what they reach."""
        vpc = self._project.network.vpc_config()
        isolated = {"EnableNetworkIsolation": True} if network_isolation else {}
        return isolated if vpc is None else {**isolated, "VpcConfig": vpc}

    def _decided(self, placed: Mapping[str, Any], configuration: Mapping[str, Any]) -> str:
        components = [
            [it.name, it.model.to_json(), it.requirements(), it.first_copies] for it in self._components.values()
        ]
        return digest(
            self,
            {
                "name": self.endpoint_name,
                "role": self.role.arn,
                "placed": placed,
                "hosting": configuration,
                "components": components,
                "tags": dict(self._project.tags),
            },
        )

    def _hosting(
        self, placed: Mapping[str, Any], hosting: Variant, max_instances: int, capture: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The endpoint's configuration: instances, of which there are none while no copy needs one."""
        managed = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": max_instances}
        variant = {
            "VariantName": MAIN,
            "InstanceType": hosting.instance_type,
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": managed,
            **ROUTING,
        }
        key = volume_key(self._project, [hosting])
        return {"ProductionVariants": [variant], "ExecutionRoleArn": self.role.arn, **placed, **key, **capture}

    def _host(self, configuration: Mapping[str, Any]) -> sagemaker.CfnEndpoint:
        config = sagemaker.CfnEndpointConfig(self, "Config", **keywords(configuration))
        if "KmsKeyId" not in configuration:
            accept(config, {"CKV_AWS_98": NO_VOLUME})
        return sagemaker.CfnEndpoint(
            self,
            "Default",  # so that it is called after this construct
            endpoint_name=self.endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
        )

    def _rolling(self, component: InferenceComponent) -> dict[str, Any]:
        """What `UpdateInferenceComponent` says besides the name and the model; the copies stay as many as they are."""
        alarms = [{"AlarmName": name} for name in self.alarms.by_owner[component.name]]
        return {
            "Specification": {"ComputeResourceRequirements": component.requirements()},
            "DeploymentConfig": {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": _PERCENT},
                    "WaitIntervalInSeconds": _WAIT_SECONDS,
                },
                "AutoRollbackConfiguration": {"Alarms": alarms},
            },
        }

    def _component(self, component: InferenceComponent, placed: Mapping[str, Any]) -> sagemaker.CfnInferenceComponent:
        model = sagemaker.CfnModel(
            self,
            f"{component.name}-Model",
            execution_role_arn=self.role.arn,
            primary_container={"modelPackageName": self.models.arn(component.model)},
            **keywords(placed),
        )
        if "EnableNetworkIsolation" not in placed:
            accept(model, {"CKV_AWS_370": NOT_ISOLATED})
        update = self._rolling(component)
        request = {
            "EndpointName": self.resource.attr_endpoint_name,
            "InferenceComponentName": self.component_names[component.name],
            "VariantName": MAIN,
            "RuntimeConfig": {"CopyCount": component.first_copies},
            **update,
            "Specification": {**update["Specification"], "ModelName": model.attr_model_name},
        }
        return sagemaker.CfnInferenceComponent(self, f"{component.name}-Component", **keywords(request))

    def _scale(self, component: InferenceComponent) -> None:
        name, resource = self.component_names[component.name], self.components[component.name]
        if component.scaling is None:
            return
        EndpointScaling(
            self,
            f"{component.name}-Scaling",
            project=self._project,
            endpoint_name=self.endpoint_name,
            variant_name=MAIN,
            component_name=name,
            scaling=component.scaling,
            proof=component.proof,
            depends_on=[resource],
        )
        if component.scaling.minimum == 0:
            self.alarms.add(
                f"{component.name}-NeverWakes",
                minutes=_STUCK_MINUTES,
                metric_name="NoCapacityInvocationFailures",
                statistic="Sum",
                threshold=0,
                dimensions=[{"name": "InferenceComponentName", "value": name}],
                alarm_description=(
                    f"Requests to {name} have failed for {_STUCK_MINUTES} minutes, and there is no copy: the instance type may not be "
                    f"to be had, or containers may not start. Log group: /aws/sagemaker/InferenceComponents/{name}."
                ),
            )
