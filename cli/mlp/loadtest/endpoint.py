"""The endpoint that is tested: what is behind it, what that costs, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlp.endpoints import Endpoints
from mlp.errors import CliError, ExitCode, not_found
from mlp.loadtest.answers import AnswersInS3
from mlp.loadtest.generator import MOST_IN_FLIGHT
from mlpipelines.instance_types import INSTANCE_TYPES

if TYPE_CHECKING:
    from mlp.target import Target

Send = Callable[[int], str | None]


class Unit(StrEnum):
    """What the rate is divided by. A container of a serverless endpoint works on one request at a time."""

    INSTANCE = "instance"
    CONTAINER = "container"
    COPY = "copy"


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many there are. The type is not known of an endpoint whose configuration names a pool of them, and of serverless ones.

    `paid_instances` are those of the variant, whatever shares them.
    """

    unit: Unit
    count: int
    instance_type: str | None
    paid_instances: int

    @property
    def usd_per_hour(self) -> float | None:
        """Of all instances, by the list price of jobs in us-east-1; None where it is not known."""
        known = INSTANCE_TYPES.get(self.instance_type or "")
        return None if known is None or known.usd_per_hour is None else self.paid_instances * known.usd_per_hour

    def __str__(self) -> str:
        if self.unit is Unit.CONTAINER:
            return f"{self.count} serverless containers"
        of = "" if self.unit is Unit.INSTANCE else f"{_plural(self.count, 'copy', 'copies')} on "
        return f"{of}{_plural(self.paid_instances, 'instance', 'instances')} of {self.instance_type or 'several types'}"


@dataclass(frozen=True)
class EndpointUnderTest:
    """One variant of an endpoint, or one inference component."""

    target: Target
    name: str
    variant: str
    component: str | None = None

    def capacity(self) -> Capacity:
        """As it is now. Raises `CliError` for an endpoint that is not in service, or has no such variant, component or instances."""
        described = self._sagemaker.describe_endpoint(EndpointName=self.name)
        if described["EndpointStatus"] != "InService":
            cause = f"the endpoint {self.name} is {described['EndpointStatus']}"
            raise CliError(cause, fix="test it when it is InService", exit_code=ExitCode.RUN_FAILED)
        variants = {one["VariantName"]: one for one in described.get("ProductionVariants", [])}
        if self.variant not in variants:
            raise not_found("variant", self.variant, known=variants, where=f"the endpoint {self.name}")
        variant = variants[self.variant]
        if serverless := variant.get("CurrentServerlessConfig"):
            most = serverless["MaxConcurrency"]
            return Capacity(unit=Unit.CONTAINER, count=most, instance_type=None, paid_instances=0)
        instances = variant.get("CurrentInstanceCount", 0)
        types = {one["VariantName"]: one.get("InstanceType") for one in self._config["ProductionVariants"]}
        count, unit = (instances, Unit.INSTANCE) if self.component is None else (self._copies(), Unit.COPY)
        if not instances or not count:
            cause = f"{self._asked} has no {'copies' if instances else 'instances'} now"
            raise CliError(cause, fix="test it when it has, or set its minimum to 1", exit_code=ExitCode.RUN_FAILED)
        return Capacity(unit=unit, count=count, instance_type=types.get(self.variant), paid_instances=instances)

    def sender(self, payloads: Sequence[bytes], content_type: str, *, timeout_seconds: float) -> Send:
        """Sends a payload, one after the other of them, once: a request that fails is a request that failed.

        The request to an asynchronous endpoint is answered when its output is in S3.
        """
        options = Config(retries={"max_attempts": 0}, read_timeout=timeout_seconds, max_pool_connections=MOST_IN_FLIGHT)
        runtime: Any = self.target.client("sagemaker-runtime", options)
        answers = AnswersInS3(self.target.client("s3", options), timeout_seconds)

        def ask(body: bytes) -> str | None:
            request = {"EndpointName": self.name, "Body": body, "ContentType": content_type}
            if "AsyncInferenceConfig" in self._config:
                accepted = runtime.invoke_endpoint_async(**request)
                return answers.wait(accepted["OutputLocation"], accepted.get("FailureLocation"))
            runtime.invoke_endpoint(**request, **self._whom)["Body"].read()
            return None

        def send(number: int) -> str | None:
            try:
                return ask(payloads[number % len(payloads)])
            except (BotoCoreError, ClientError) as error:
                return str(error)

        return send

    @property
    def _sagemaker(self) -> Any:
        return self.target.client("sagemaker")

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        described = self._sagemaker.describe_endpoint(EndpointName=self.name)
        config: Mapping[str, Any] = self._sagemaker.describe_endpoint_config(
            EndpointConfigName=described["EndpointConfigName"]
        )
        return config

    @property
    def _whom(self) -> dict[str, str]:
        return {"TargetVariant": self.variant} if self.component is None else {"InferenceComponentName": self.component}

    @property
    def _asked(self) -> str:
        thing = f"variant {self.variant}" if self.component is None else f"component {self.component}"
        return f"{thing} of endpoint {self.name}"

    def _copies(self) -> int:
        Endpoints(self.target).require_component(self.name, str(self.component))
        described = self._sagemaker.describe_inference_component(InferenceComponentName=self.component)
        copies: int = described["RuntimeConfig"].get("CurrentCopyCount", 0)
        return copies


def _plural(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
