"""An approval's way into service: a model and a configuration of its own, then a blue/green update of the endpoint.

Every event is a hint and never the truth: what is approved and what is served is looked up. While the endpoint changes nothing is done,
since its next event calls again. That a version was tried and rolled back is remembered by its configuration, which stays; a person
who approves it once more has it tried once more. A deployment that changes the endpoint begins with a clean slate.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from endpoint_models.leftovers import clear
from endpoint_models.lookup import EXISTS, found, says
from endpoint_models.resolve import check_image
from endpoint_models.settings import Settings
from model_registry import Model, ModelChoice, Registry

Json = Mapping[str, Any]
APPROVAL = "SageMaker Model Package State Change"
# What DescribeEndpointConfig and CreateEndpointConfig have in common.
_COPIED = (
    "ProductionVariants", "ShadowProductionVariants", "DataCaptureConfig", "KmsKeyId", "AsyncInferenceConfig", "ExplainerConfig",
    "ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation", "MetricsConfig",
)  # fmt: skip


@dataclass(frozen=True)
class Follower:
    """Brings the newest approved version into service."""

    sagemaker: Any
    sns: Any
    settings: Settings

    def look(self, event: Json) -> dict[str, str]:
        """Do what there is to do; the answer says what it was."""
        name = self.settings.endpoint_name
        endpoint = found(self.sagemaker.describe_endpoint, EndpointName=name)
        if endpoint is None or endpoint["EndpointStatus"] != "InService":
            return {"did": "nothing: the endpoint is not in service; its next event calls again"}
        served = self.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        newest, _ = Registry(self.sagemaker, self.settings.model_package_group_name).choose(ModelChoice())
        if not self._is_behind(served, newest):
            return {"did": f"nothing: version {newest.version} is served"}
        if self._was_tried(endpoint, newest) and event.get("detail-type") != APPROVAL:
            return self._tell_of_rollback(newest, endpoint)
        check_image(newest, self.settings)
        self._update(served, newest)
        return {"did": f"update to version {newest.version}"}

    def _is_behind(self, config: Json, newest: Model) -> bool:
        return any(self._package_of(it["ModelName"]) != newest.arn for it in self._following(config))

    def _following(self, config: Json) -> list[dict[str, Any]]:
        everyone = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
        return [variant for variant in everyone if variant["VariantName"] in self.settings.following]

    def _package_of(self, model_name: str) -> str | None:
        model = self.sagemaker.describe_model(ModelName=model_name)
        container = model["PrimaryContainer"] if "PrimaryContainer" in model else model["Containers"][0]
        package: str | None = container.get("ModelPackageName")
        return package

    def _was_tried(self, endpoint: Json, newest: Model) -> bool:
        """Its configuration is there, and the endpoint has changed since: it was updated, and went back."""
        name = self.settings.name_for(newest.version)
        config = found(self.sagemaker.describe_endpoint_config, EndpointConfigName=name)
        return config is not None and bool(endpoint["LastModifiedTime"] > config["CreationTime"])

    def _update(self, served: Json, newest: Model) -> None:
        settings, name = self.settings, self.settings.name_for(newest.version)
        config = {member: served[member] for member in _COPIED if member in served}
        for variant in self._following(config):
            variant["ModelName"] = name
        container = {"ModelPackageName": newest.arn}
        self._once("create_model", ModelName=name, PrimaryContainer=container, Tags=settings.tags, **settings.model)
        self._once("create_endpoint_config", EndpointConfigName=name, Tags=settings.tags, **config)
        self.sagemaker.update_endpoint(
            EndpointName=settings.endpoint_name,
            EndpointConfigName=name,
            **settings.update,
        )
        clear(self.sagemaker, settings, keep={name, served["EndpointConfigName"]})

    def _once(self, operation: str, **request: Any) -> None:
        """What an earlier call, which died or was rolled back, left behind is as good."""
        try:
            getattr(self.sagemaker, operation)(**request)
        except ClientError as error:
            if not says(error, EXISTS):
                raise

    def _tell_of_rollback(self, newest: Model, endpoint: Json) -> dict[str, str]:
        """Tell, and delete the model that nobody serves: that it is gone says that it was told."""
        settings, name = self.settings, self.settings.name_for(newest.version)
        if found(self.sagemaker.describe_model, ModelName=name) is None:
            return {"did": f"nothing: version {newest.version} was rolled back, which was told"}
        reason = endpoint.get("FailureReason", "an alarm of the endpoint was raised")
        text = (
            f"Version {newest.version} was approved, and endpoint {settings.endpoint_name} is back on the version before: {reason}. "
            f"Look at the log group /aws/sagemaker/Endpoints/{settings.endpoint_name}; then approve another version, or this one "
            "again to try it again."
        )
        title = f"{settings.endpoint_name}: version {newest.version} was rolled back"
        # Amazon Q Developer in chat applications shows this schema only (its administrator guide, "Custom notifications").
        chat = {"version": "1.0", "source": "custom", "content": {"title": title, "description": text}}
        self.sns.publish(
            TopicArn=settings.topic_arn,
            Subject=title,
            MessageStructure="json",
            Message=json.dumps({"default": json.dumps(chat), "email": text}),
        )
        self.sagemaker.delete_model(ModelName=name)
        return {"did": f"told that version {newest.version} was rolled back"}
