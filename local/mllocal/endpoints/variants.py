"""What one variant of an endpoint is made of, as an endpoint configuration and its model say."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass

from mllocal.jobs.memory import memory_limit
from mllocal.sagemaker.store import Document
from mlpipelines.instance_types import INSTANCE_TYPES

WORKERS_VARIABLE = "SAGEMAKER_MODEL_SERVER_WORKERS"
GUNICORN_VARIABLE = "GUNICORN_CMD_ARGS"
DEFAULT_QUEUE = (
    2048  # gunicorn's `backlog`, so that of AWS's scikit-learn image; SageMaker documents no limit of its own.
)
DEFAULT_WEIGHT = 1.0
# Amazon SageMaker AI developer guide, "Custom Inference Code with Hosting Services": 8 minutes to answer /ping.
DEFAULT_STARTUP_SECONDS = 480
_BACKLOG = re.compile(r"--backlog[= ](\d+)")


def has_components(endpoint: Document) -> bool:
    """Whether an endpoint's models are inference components: its variant has no model of its own."""
    described = endpoint.get("Deployed") or endpoint.get("Pending") or {"Variants": []}
    return any("Container" not in variant for variant in described["Variants"])


@dataclass(frozen=True)
class Variant:
    """One variant. `document` is the variant of the configuration with `Container`, that of its model."""

    document: Document

    @property
    def name(self) -> str:
        """The variant's name."""
        name: str = self.document["VariantName"]
        return name

    @property
    def container(self) -> Document:
        """The container that serves the model."""
        container: Document = self.document["Container"]
        return container

    @property
    def environment(self) -> dict[str, str]:
        """The container's variables; as many workers as this machine can have of the instance's, unless they say otherwise."""
        workers = min(self.vcpus, os.cpu_count() or 1)
        return {WORKERS_VARIABLE: str(workers), **self.container.get("Environment", {})}

    @property
    def instance_type(self) -> str:
        """The type of its instances; a serverless variant has none."""
        return str(self.document.get("InstanceType", "serverless"))

    @property
    def pools(self) -> list[Document]:
        """The instance types that may be taken, the preferred one first; empty where there is one only."""
        return sorted(self.document.get("InstancePools", ()), key=lambda pool: int(pool["Priority"]))

    def without(self, scarce: Collection[str]) -> Variant:
        """The same on the first instance type that is to be had; on the last one, if none is."""
        pools = self.pools
        if not pools:
            return self
        pool = next((pool for pool in pools if pool["InstanceType"] not in scarce), pools[-1])
        return Variant(
            {**self.document, **{name: pool[name] for name in ("InstanceType", "Container") if name in pool}}
        )

    @property
    def vcpus(self) -> int:
        """Of one instance, or of one copy of a component; 1 for a type that is not known."""
        if "NumberOfCpuCoresRequired" in self.document:
            return max(int(self.document["NumberOfCpuCoresRequired"]), 1)
        known = INSTANCE_TYPES.get(self.instance_type)
        return 1 if known is None else known.vcpus

    @property
    def memory_limit_bytes(self) -> int | None:
        """Of one instance, or what a copy of a component may use at most; None where nothing is known of the type."""
        most = self.document.get("MaxMemoryRequiredInMb")
        return memory_limit(self.instance_type).limit_bytes if most is None else int(most) * 1024**2

    @property
    def concurrency(self) -> int:
        """How many requests an instance works on at once; the others wait at it."""
        serverless = self.document.get("ServerlessConfig")
        if serverless is not None:
            return int(serverless["MaxConcurrency"])
        return int(self.container.get("Environment", {}).get(WORKERS_VARIABLE) or self.vcpus)

    @property
    def queue(self) -> int:
        """How many requests wait at an instance before its server refuses more: gunicorn's `--backlog`."""
        if self.is_serverless:
            return 0
        said = _BACKLOG.search(self.container.get("Environment", {}).get(GUNICORN_VARIABLE, ""))
        return DEFAULT_QUEUE if said is None else int(said[1])

    @property
    def is_serverless(self) -> bool:
        """Whether it has no instances of its own."""
        return "ServerlessConfig" in self.document

    @property
    def provisioned_concurrency(self) -> int:
        """How many requests its warm containers work on at once; 0 for a variant that has none."""
        return int(self.document.get("ServerlessConfig", {}).get("ProvisionedConcurrency", 0))

    def provisioned(self, config: Document) -> Variant:
        """The same with another `ServerlessConfig`."""
        return Variant({**self.document, "ServerlessConfig": config})

    @property
    def initial_count(self) -> int:
        """How many instances it begins with."""
        return int(self.document.get("InitialInstanceCount", 1))

    @property
    def initial_weight(self) -> float:
        """Its share of the requests, beside the weights of the others."""
        return float(self.document.get("InitialVariantWeight", DEFAULT_WEIGHT))

    @property
    def startup_seconds(self) -> float:
        """How long a container has to answer /ping."""
        return float(self.document.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_SECONDS))
