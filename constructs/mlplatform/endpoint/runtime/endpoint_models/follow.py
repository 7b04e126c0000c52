"""An approval's way into service: a model and a configuration of its own, then an update of the endpoint or the component.

Every event is a hint and never the truth: what is approved and what is served is looked up. While the endpoint changes nothing is done,
since its next event calls again (a clock does for components, which have none). That a version was tried and rolled back is remembered
by its configuration, which stays; a person who approves it once more has it tried once more. A deployment that changes the endpoint
begins with a clean slate.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from endpoint_models.followed import Followed, State, followed
from endpoint_models.leftovers import clear
from endpoint_models.lookup import EXISTS, found, says
from endpoint_models.resolve import NotDeployableError, check_image
from endpoint_models.settings import Settings
from model_registry import Model, ModelChoice, NoModelError, Registry

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
        """Do what there is to do; the answer says what it was. Raises, on an approval, if there is nothing that could be served."""
        asked = event.get("detail-type") == APPROVAL
        try:
            newest, _ = Registry(self.sagemaker, self.settings.model_package_group_name).choose(ModelChoice())
            check_image(newest, self.settings)
        except (NoModelError, NotDeployableError) as error:
            if asked:
                raise
            return {"did": f"nothing: {error}"}  # Which was told when the approval came.
        return {"did": "; ".join(self._look(it, newest, asked) for it in followed(self.sagemaker, self.settings))}

    def _look(self, it: Followed, newest: Model, asked: bool) -> str:
        state = it.state()
        if state is None:
            return f"nothing: {it.title} is not in service; somebody calls again when it is"
        if all(self._package_of(model) == newest.arn for model in state.models):
            return f"nothing: version {newest.version} is served by {it.title}"
        if not asked and self._was_tried(it, state, newest):
            return self._tell_of_rollback(it, state, newest)
        self._update(it, state, newest)
        return f"update of {it.title} to version {newest.version}"

    def _package_of(self, model_name: str) -> str | None:
        model = self.sagemaker.describe_model(ModelName=model_name)
        container = model["PrimaryContainer"] if "PrimaryContainer" in model else model["Containers"][0]
        package: str | None = container.get("ModelPackageName")
        return package

    def _was_tried(self, it: Followed, state: State, newest: Model) -> bool:
        """Its configuration is there, and what follows has changed since: it was updated, and went back."""
        config = found(self.sagemaker.describe_endpoint_config, EndpointConfigName=it.name_for(newest.version))
        return config is not None and bool(state.changed_at > config["CreationTime"])

    def _update(self, it: Followed, state: State, newest: Model) -> None:
        settings, name = self.settings, it.name_for(newest.version)
        copied = {member: state.config[member] for member in _COPIED if member in state.config}
        config = it.replaced(copied, name)
        variables = {"Environment": settings.environment} if settings.environment else {}
        container = {"ModelPackageName": newest.arn, **variables}
        self._once("create_model", ModelName=name, PrimaryContainer=container, Tags=settings.tags, **settings.model)
        self._once("create_endpoint_config", EndpointConfigName=name, Tags=settings.tags, **config)
        kept = it.in_use(newest.version, state)
        it.update(name)
        clear(self.sagemaker, settings, keep=kept)

    def _once(self, operation: str, **request: Any) -> None:
        """What an earlier call, which died or was rolled back, left behind is as good."""
        try:
            getattr(self.sagemaker, operation)(**request)
        except ClientError as error:
            if not says(error, EXISTS):
                raise

    def _tell_of_rollback(self, it: Followed, state: State, newest: Model) -> str:
        """Tell, and delete the model that nobody serves: that it is gone says that it was told."""
        name = it.name_for(newest.version)
        if found(self.sagemaker.describe_model, ModelName=name) is None:
            return f"nothing: version {newest.version} was rolled back by {it.title}, which was told"
        reason = state.failure_reason or "an alarm of it was raised"
        text = (
            f"Version {newest.version} was approved, and {it.title} is back on the version before: {reason}. "
            f"Look at the log group {it.log_group}; then approve another version, or this one again to try it again."
        )
        title = f"{it.title}: version {newest.version} was rolled back"
        # Amazon Q Developer in chat applications shows this schema only (its administrator guide, "Custom notifications").
        chat = {"version": "1.0", "source": "custom", "content": {"title": title, "description": text}}
        self.sns.publish(
            TopicArn=self.settings.topic_arn,
            Subject=title,
            MessageStructure="json",
            Message=json.dumps({"default": json.dumps(chat), "email": text}),
        )
        self.sagemaker.delete_model(ModelName=name)
        return f"told that version {newest.version} was rolled back by {it.title}"
