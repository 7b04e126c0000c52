"""What takes each new approval: the variants of an endpoint together, or one inference component."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from endpoint_models.lookup import found
from endpoint_models.settings import Settings

Json = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """Of what is followed, while it is in service and does not change.

    `config` is the endpoint's configuration, `models` the names of the models that are to be of the newest version.
    """

    changed_at: datetime
    failure_reason: str | None
    config: Json
    models: list[str]


class Followed(Protocol):
    """What differs between variants and components."""

    @property
    def title(self) -> str:
        """How people are told of it."""

    @property
    def log_group(self) -> str:
        """Where its containers log."""

    def name_for(self, version: int) -> str:
        """What an approval brings for it is called so."""

    def state(self) -> State | None:
        """None while it changes, and if it is not there: somebody calls again."""

    def replaced(self, config: Json, name: str) -> Json:
        """This configuration, with the model of this name wherever it follows."""

    def update(self, name: str) -> None:
        """Bring the model and the configuration of this name into service."""

    def in_use(self, version: int, state: State) -> set[str]:
        """Names of models and configurations that must stay when this version comes."""


@dataclass(frozen=True)
class Variants:
    """Of an endpoint whose models are variants: an update of the endpoint is one of all of them."""

    sagemaker: Any
    settings: Settings

    @property
    def title(self) -> str:
        return self.settings.endpoint_name

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/Endpoints/{self.settings.endpoint_name}"

    def name_for(self, version: int) -> str:
        return self.settings.name_for(version)

    def state(self) -> State | None:
        endpoint = found(self.sagemaker.describe_endpoint, EndpointName=self.settings.endpoint_name)
        if endpoint is None or endpoint["EndpointStatus"] != "InService":
            return None
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        models = [it["ModelName"] for it in self._following(config)]
        return State(endpoint["LastModifiedTime"], endpoint.get("FailureReason"), config, models)

    def replaced(self, config: Json, name: str) -> Json:
        changed = {**config}
        for kind in ("ProductionVariants", "ShadowProductionVariants"):
            if kind in config:
                following = self.settings.following
                changed[kind] = [
                    {**it, "ModelName": name} if it["VariantName"] in following else it for it in config[kind]
                ]
        return changed

    def update(self, name: str) -> None:
        endpoint_name = self.settings.endpoint_name
        self.sagemaker.update_endpoint(EndpointName=endpoint_name, EndpointConfigName=name, **self.settings.update)

    def in_use(self, version: int, state: State) -> set[str]:
        return {self.name_for(version), state.config["EndpointConfigName"]}

    def _following(self, config: Json) -> list[Json]:
        everyone = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
        return [variant for variant in everyone if variant["VariantName"] in self.settings.following]


@dataclass(frozen=True)
class Component:
    """One inference component. The configuration that an approval brings for it is a note that it was tried: nobody serves it."""

    sagemaker: Any
    settings: Settings
    name: str

    @property
    def title(self) -> str:
        return self.name

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/InferenceComponents/{self.name}"

    def name_for(self, version: int) -> str:
        return self.settings.name_for(version, self.name)

    def state(self) -> State | None:
        endpoint = found(self.sagemaker.describe_endpoint, EndpointName=self.settings.endpoint_name)
        component = described(self.sagemaker, self.name)
        if endpoint is None or component is None or component["InferenceComponentStatus"] != "InService":
            return None
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        models = [component["Specification"]["ModelName"]]
        return State(component["LastModifiedTime"], component.get("FailureReason"), config, models)

    def replaced(self, config: Json, name: str) -> Json:
        return config

    def update(self, name: str) -> None:
        request = self.settings.components[self.name]
        self.sagemaker.update_inference_component(
            InferenceComponentName=self.name,
            **{**request, "Specification": {**request["Specification"], "ModelName": name}},
        )

    def in_use(self, version: int, state: State) -> set[str]:
        notes = {self.settings.name_for(version, name) for name in self.settings.components}
        return notes | models_of_components(self.sagemaker, self.settings)


def followed(sagemaker: Any, settings: Settings) -> Iterator[Followed]:
    """Everything that takes each new approval."""
    if settings.following:
        yield Variants(sagemaker, settings)
    yield from (Component(sagemaker, settings, name) for name in settings.components)


def models_of_components(sagemaker: Any, settings: Settings) -> set[str]:
    """What the components that follow have now, if they are there."""
    there = (described(sagemaker, name) for name in settings.components)
    return {it["Specification"]["ModelName"] for it in there if it is not None}


def described(sagemaker: Any, component: str) -> Json | None:
    """The inference component of this name; None if it is not there."""
    return found(sagemaker.describe_inference_component, InferenceComponentName=component)
