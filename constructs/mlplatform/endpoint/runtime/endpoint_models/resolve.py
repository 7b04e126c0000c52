"""A deployment's question: which version, now? Asked whenever the endpoint is about to change, so that no deployment goes back."""

import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from endpoint_models.followed import described
from endpoint_models.lookup import found
from endpoint_models.settings import Settings
from model_registry import Model, ModelChoice, ModelKind, Registry

Json = Mapping[str, Any]
_LOOK_AGAIN_SECONDS = 10
_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")


class NotDeployableError(Exception):
    """The version that was found cannot be served; the message says what to do."""


def resolve(
    sagemaker: Any, settings: Settings, properties: Json, *, remaining_seconds: Callable[[], float]
) -> dict[str, str]:
    """The version that the deployment takes. Raises NoModelError or NotDeployableError with the sentence for its reason."""
    _wait_while_it_changes(sagemaker, settings, remaining_seconds)
    choice = properties["Choice"]
    version = choice.get("version")
    wanted = ModelChoice(ModelKind(choice["kind"]), None if version is None else int(version))
    model, _ = Registry(sagemaker, settings.model_package_group_name).choose(wanted)
    check_image(model, settings)
    return {"ModelPackageArn": model.arn, "Version": str(model.version)}


def check_image(model: Model, settings: Settings) -> None:
    """Say at once what would fail after a quarter of an hour of provisioning."""
    if not any(fnmatchcase(model.image_uri, pattern) for pattern in settings.images):
        raise NotDeployableError(
            f"ImageNotAllowed: version {model.version} of model package group '{settings.model_package_group_name}' serves in "
            f"{model.image_uri}, which the role of endpoint {settings.endpoint_name} may not pull; give the endpoint "
            f"image=ContainerImage.from_uri('{model.image_uri}')"
        )


def _wait_while_it_changes(sagemaker: Any, settings: Settings, remaining_seconds: Callable[[], float]) -> None:
    """SageMaker refuses an update during another one, such as that of an approval."""
    while is_changing(sagemaker, settings):
        if remaining_seconds() < 2 * _LOOK_AGAIN_SECONDS:
            raise NotDeployableError(
                f"EndpointBusy: {settings.endpoint_name} is still taking another version; deploy again when it is InService"
            )
        time.sleep(_LOOK_AGAIN_SECONDS)


def is_changing(sagemaker: Any, settings: Settings) -> bool:
    """Whether the endpoint, or a component that follows, is there and between two states."""
    endpoint = found(sagemaker.describe_endpoint, EndpointName=settings.endpoint_name)
    components = (described(sagemaker, name) for name in settings.components)
    statuses = [
        *([] if endpoint is None else [endpoint["EndpointStatus"]]),
        *(it["InferenceComponentStatus"] for it in components if it is not None),
    ]
    return any(status in _CHANGING for status in statuses)
