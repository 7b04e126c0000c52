"""SageMaker as the function behind an endpoint's models sees it: in memory, each request held against the real service model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

Json = dict[str, Any]
ENDPOINT, GROUP = "demo-live", "demo"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo:1"


def package(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"


def refused(operation: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, operation)


@cache
def _inputs() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


@dataclass
class SageMaker:
    """A registry, and an endpoint with what stands behind it.

    `die_before` is an operation at which the caller is killed; `judge` is told of each request before it is answered.
    """

    versions: dict[int, str] = field(default_factory=lambda: {1: "Approved"})
    image: str = IMAGE
    models: dict[str, Json] = field(default_factory=dict)
    configs: dict[str, Json] = field(default_factory=dict)
    endpoint: Json | None = None
    components: dict[str, Json] = field(default_factory=dict)
    die_before: str | None = None
    now: datetime = datetime(2026, 11, 30, tzinfo=UTC)
    on_sleep: Callable[[], None] = lambda: None
    judge: Callable[[str, Json], None] = lambda operation, request: None

    def deployed(self, *, version: int, variants: tuple[str, ...] = ("main",)) -> SageMaker:
        """As CloudFormation leaves it, with names that nobody chose."""
        self.models["Live-abc"] = {"PrimaryContainer": {"ModelPackageName": package(version)}}
        production = [
            {
                "VariantName": name,
                "ModelName": "Live-abc",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
            }
            for name in variants
        ]
        self.configs["Live-config"] = {"ProductionVariants": production, "KmsKeyId": "key", "CreationTime": self.tick()}
        self.endpoint = {
            "EndpointConfigName": "Live-config",
            "EndpointStatus": "InService",
            "LastModifiedTime": self.tick(),
        }
        return self

    def with_components(self, *names: str, version: int) -> SageMaker:
        """The same for inference components: the endpoint's variant has no model."""
        self.deployed(version=version)
        (variant,) = self.configs["Live-config"]["ProductionVariants"]
        del variant["ModelName"]
        role = "arn:aws:iam::123456789012:role/mlp/demo/live"
        self.configs["Live-config"]["ExecutionRoleArn"] = role
        for name in names:
            self.components[name] = {
                "VariantName": "main",
                "Specification": {"ModelName": "Live-abc"},
                "InferenceComponentStatus": "InService",
                "LastModifiedTime": self.tick(),
            }
        return self

    def component_in_service(self, name: str) -> None:
        """The update of a component that is under way succeeds."""
        changed = {"InferenceComponentStatus": "InService", "LastModifiedTime": self.tick()}
        self.components[name] |= {**changed, "Specification": self.components[name]["asked"]["Specification"]}

    def component_rolled_back(self, name: str, why: str) -> None:
        """It fails."""
        changed = {"InferenceComponentStatus": "InService", "LastModifiedTime": self.tick()}
        self.components[name] |= {**changed, "FailureReason": why}

    def served_by(self, component: str) -> int:
        """The version that a component serves."""
        model = self.models[self.components[component]["Specification"]["ModelName"]]
        return int(model["PrimaryContainer"]["ModelPackageName"].rpartition("/")[2])

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def in_service(self) -> None:
        """The update that is under way succeeds."""
        assert self.endpoint is not None
        self.endpoint |= {"EndpointStatus": "InService", "LastModifiedTime": self.tick()}

    def rolled_back(self, to: str, why: str | None = None) -> None:
        """The update that is under way fails."""
        self.in_service()
        assert self.endpoint is not None
        self.endpoint |= {"EndpointConfigName": to, **({} if why is None else {"FailureReason": why})}

    def served(self, variant: str = "main") -> int:
        """The version that a variant serves, or is being updated to."""
        assert self.endpoint is not None
        config = self.configs[self.endpoint["EndpointConfigName"]]
        (model,) = (it["ModelName"] for it in config["ProductionVariants"] if it["VariantName"] == variant)
        return int(self.models[model]["PrimaryContainer"]["ModelPackageName"].rpartition("/")[2])

    # The API

    def __getattr__(self, operation: str) -> Callable[..., Json]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        name = "".join(word.title() for word in operation.split("_"))
        answer = getattr(self, f"_{operation}")

        def call(**request: Any) -> Json:
            report = ParamValidator().validate(request, _inputs().operation_model(name).input_shape)
            assert not report.has_errors(), report.generate_report()
            if self.die_before == operation:
                self.die_before = None
                raise KeyboardInterrupt(operation)
            self.judge(name, request)
            return deepcopy(answer(**request))

        return call

    def get_paginator(self, operation: str) -> Any:
        call = getattr(self, operation)

        class Paginator:
            def paginate(self, **request: Any) -> Iterator[Json]:
                yield call(**request)

        return Paginator()

    def _list_model_packages(self, *, ModelApprovalStatus: str | None = None, **_: Any) -> Json:  # noqa: N803
        found = [
            {"ModelPackageArn": package(version), "ModelPackageVersion": version}
            for version, status in sorted(self.versions.items(), reverse=True)
            if ModelApprovalStatus in (None, status)
        ]
        return {"ModelPackageSummaryList": found}

    def _describe_model_package(self, *, ModelPackageName: str) -> Json:  # noqa: N803
        container = {"Image": self.image, "ModelDataUrl": "s3://models/model.tar.gz"}
        version = int(ModelPackageName.rpartition("/")[2])
        return {"ModelPackageVersion": version, "InferenceSpecification": {"Containers": [container]}}

    def _describe_endpoint(self, *, EndpointName: str) -> Json:  # noqa: N803
        if self.endpoint is None:
            raise refused("DescribeEndpoint", f'Could not find endpoint "{EndpointName}".')
        return self.endpoint

    def _describe_endpoint_config(self, *, EndpointConfigName: str) -> Json:  # noqa: N803
        if EndpointConfigName not in self.configs:
            raise refused("DescribeEndpointConfig", f'Could not find endpoint configuration "{EndpointConfigName}".')
        return {"EndpointConfigName": EndpointConfigName, **self.configs[EndpointConfigName]}

    def _describe_model(self, *, ModelName: str) -> Json:  # noqa: N803
        if ModelName not in self.models:
            raise refused("DescribeModel", f'Could not find model "{ModelName}".')
        return self.models[ModelName]

    def _list_models(self, *, NameContains: str) -> Json:  # noqa: N803
        return {"Models": [{"ModelName": it} for it in self.models if NameContains in it]}

    def _list_endpoint_configs(self, *, NameContains: str) -> Json:  # noqa: N803
        return {"EndpointConfigs": [{"EndpointConfigName": it} for it in self.configs if NameContains in it]}

    def _create_model(self, *, ModelName: str, **request: Any) -> Json:  # noqa: N803
        if ModelName in self.models:
            raise refused("CreateModel", f"Cannot create already existing model '{ModelName}'.")
        self.models[ModelName] = request
        return {}

    def _create_endpoint_config(self, *, EndpointConfigName: str, **request: Any) -> Json:  # noqa: N803
        if EndpointConfigName in self.configs:
            raise refused(
                "CreateEndpointConfig", f"Cannot create already existing endpoint configuration '{EndpointConfigName}'."
            )
        self.configs[EndpointConfigName] = {**request, "CreationTime": self.tick()}
        return {}

    def _update_endpoint(self, *, EndpointConfigName: str, **request: Any) -> Json:  # noqa: N803
        assert self.endpoint is not None
        if self.endpoint["EndpointStatus"] != "InService":
            raise refused("UpdateEndpoint", "Cannot update in-progress endpoint")
        changed = {
            "EndpointConfigName": EndpointConfigName,
            "EndpointStatus": "Updating",
            "LastModifiedTime": self.tick(),
        }
        self.endpoint = {**changed, "asked": request}
        return {}

    def _describe_inference_component(self, *, InferenceComponentName: str) -> Json:  # noqa: N803
        if InferenceComponentName not in self.components:
            raise refused(
                "DescribeInferenceComponent", f'Could not find inference component "{InferenceComponentName}".'
            )
        return self.components[InferenceComponentName]

    def _update_inference_component(self, *, InferenceComponentName: str, **request: Any) -> Json:  # noqa: N803
        component = self.components[InferenceComponentName]
        if component["InferenceComponentStatus"] != "InService":
            raise refused("UpdateInferenceComponent", "Cannot update in-progress inference component")
        component |= {"InferenceComponentStatus": "Updating", "LastModifiedTime": self.tick(), "asked": request}
        return {}

    def _delete_model(self, *, ModelName: str) -> Json:  # noqa: N803
        del self.models[ModelName]
        return {}

    def _delete_endpoint_config(self, *, EndpointConfigName: str) -> Json:  # noqa: N803
        del self.configs[EndpointConfigName]
        return {}
