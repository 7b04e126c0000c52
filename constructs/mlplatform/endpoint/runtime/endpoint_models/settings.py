"""What the endpoint's construct tells its function: the environment variable ENDPOINT."""

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """All that is fixed when the endpoint is deployed.

    `images` are patterns of what its role may pull; `following` the variants that take each new approval; `model` what every
    CreateModel says besides its name and container, `environment` the variables of every container; `update` what every UpdateEndpoint
    says besides names. `components` are the inference components that take each new approval, with what UpdateInferenceComponent says
    besides the name and the model.
    """

    endpoint_name: str
    model_package_group_name: str
    configuration: str
    images: list[str]
    following: list[str]
    model: dict[str, Any]
    update: dict[str, Any]
    tags: list[dict[str, str]]
    topic_arn: str
    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls) -> "Settings":
        """As the construct wrote it."""
        return cls(**json.loads(os.environ["ENDPOINT"]))

    def name_for(self, version: int, component: str | None = None) -> str:
        """What the model and the endpoint configuration are called that an approval of this version brings."""
        told_apart = self.configuration
        if component is not None:
            told_apart = hashlib.sha256(f"{component} {self.configuration}".encode()).hexdigest()
        return f"{self.endpoint_name}-v{version}-{told_apart[:8]}"

    def is_ours(self, name: str) -> bool:
        """Whether an approval brought the model or configuration of this name; CloudFormation's have others."""
        return re.fullmatch(rf"{re.escape(self.endpoint_name)}-v\d+-[0-9a-f]{{8}}", name) is not None
