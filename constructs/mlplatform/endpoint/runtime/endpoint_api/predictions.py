"""The prediction log: one JSON line for each sampled request, with the model version that answered."""

import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

_LOOK_AGAIN_SECONDS = 60
MOST_CHARACTERS = 100_000
"""Of a request and of an answer; a line of CloudWatch Logs takes 256 KB (user guide, "CloudWatch Logs quotas")."""


@dataclass
class Versions:
    """Which version each variant serves, or the inference component, as it was at most a minute ago."""

    sagemaker: Any
    endpoint_name: str
    component: str | None = None
    _looked_at: float | None = None
    _known: dict[str, str] = field(default_factory=dict)

    def of(self, variant: str) -> str | None:
        """The version's number; None for a variant that is not there, or of a model that is of no registry."""
        if self._looked_at is None or time.monotonic() > self._looked_at + _LOOK_AGAIN_SECONDS:
            self._known, self._looked_at = self._look(), time.monotonic()
        return self._known.get(variant)

    def _look(self) -> dict[str, str]:
        found = {}
        for variant, model_name in self._models().items():
            model = self.sagemaker.describe_model(ModelName=model_name)
            container = model["PrimaryContainer"] if "PrimaryContainer" in model else model["Containers"][0]
            if package := container.get("ModelPackageName"):
                found[variant] = str(package).rpartition("/")[2]
        return found

    def _models(self) -> dict[str, str]:
        """Which model each variant has. All requests to a component go to the one variant of its endpoint."""
        if self.component is not None:
            described = self.sagemaker.describe_inference_component(InferenceComponentName=self.component)
            return {described["VariantName"]: described["Specification"]["ModelName"]}
        endpoint = self.sagemaker.describe_endpoint(EndpointName=self.endpoint_name)
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        return {it["VariantName"]: it["ModelName"] for it in config["ProductionVariants"]}


@dataclass(frozen=True)
class PredictionLog:
    """Logs `percent` of the requests. That the version is not known is in the line, and keeps nobody from their answer."""

    versions: Versions
    percent: float

    def write(self, *, request: bytes, answer: bytes, variant: str, seconds: float, fallback: bool) -> None:
        """Write a line, if this request is among those."""
        if random.uniform(0, 100) >= self.percent:  # noqa: S311 - a sample, no secret
            return
        line: dict[str, Any] = {
            "prediction": {
                "time": datetime.now(UTC).isoformat(),
                "endpoint": self.versions.endpoint_name,
                **({} if self.versions.component is None else {"component": self.versions.component}),
                "variant": variant,
                "fallback": fallback,
                "seconds": round(seconds, 4),
                "request": _text(request),
                "answer": _text(answer),
                **({} if fallback else self._version(variant)),
            }
        }
        print(json.dumps(line))

    def _version(self, variant: str) -> dict[str, str | None]:
        try:
            return {"model_version": self.versions.of(variant)}
        except ClientError as error:
            return {"model_version": None, "model_version_unknown": str(error)}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")[:MOST_CHARACTERS]
